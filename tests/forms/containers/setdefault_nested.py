# expect: known 64
from unsloth import FastLanguageModel

cfg = {}
cfg.setdefault("lora", {})["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])
