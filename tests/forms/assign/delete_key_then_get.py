# expect: known 64
from unsloth import FastLanguageModel

cfg = {"r": 16}
del cfg["r"]
FastLanguageModel.get_peft_model(None, r=cfg.get("r", 64))
