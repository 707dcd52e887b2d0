# expect: known 16
from unsloth import FastLanguageModel

cfg = {"r": 16}
other = cfg.copy()
other["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["r"])
