# expect: known 64
from unsloth import FastLanguageModel

cfg = {}
FastLanguageModel.get_peft_model(None, r=cfg.pop("r", 64))
