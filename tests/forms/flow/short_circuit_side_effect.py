# expect: known 16
from unsloth import FastLanguageModel

cfg = {"r": 16}
True or cfg.update(r=64)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
