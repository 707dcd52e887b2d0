# expect: known 64
from unsloth import FastLanguageModel

cfg = {}
cfg["r"], cfg["alpha"] = 64, 16
FastLanguageModel.get_peft_model(None, r=cfg["r"])
