# expect: unknown
from mystery import overrides
from unsloth import FastLanguageModel

cfg = {"r": 16}
cfg.update(overrides())
FastLanguageModel.get_peft_model(None, r=cfg["r"])
