# expect: known 64
from unsloth import FastLanguageModel

cfg = {"lora": {"r": 16}}
other = cfg.copy()
other["lora"]["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])
