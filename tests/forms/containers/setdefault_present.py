# expect: known 64
from unsloth import FastLanguageModel

cfg = {"r": 64}
FastLanguageModel.get_peft_model(None, r=cfg.setdefault("r", 16))
