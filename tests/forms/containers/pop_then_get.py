# expect: known 16
from unsloth import FastLanguageModel

cfg = {"r": 64}
cfg.pop("r")
FastLanguageModel.get_peft_model(None, r=cfg.get("r", 16))
