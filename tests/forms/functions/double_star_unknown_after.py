# expect: unknown
from mystery import overrides
from unsloth import FastLanguageModel

cfg = {"r": 64, **overrides()}
FastLanguageModel.get_peft_model(None, r=cfg["r"])
