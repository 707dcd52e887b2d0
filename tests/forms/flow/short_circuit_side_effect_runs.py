# expect: known 64
from unsloth import FastLanguageModel

cfg = {"r": 16}
True and cfg.update(r=64)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
