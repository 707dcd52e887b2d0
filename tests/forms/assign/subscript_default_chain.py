# expect: known 64
from unsloth import FastLanguageModel

cfg = {"lora": {"r": 64}}
FastLanguageModel.get_peft_model(None, r=cfg.get("lora", {}).get("r", 16))
