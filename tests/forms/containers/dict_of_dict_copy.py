# expect: known 64
from unsloth import FastLanguageModel

cfg = dict({"r": 16})
cfg["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["r"])
