# expect: unknown or either 16 64 or known 16
from mystery import change
from unsloth import FastLanguageModel

cfg = {"r": 16}
change(cfg)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
