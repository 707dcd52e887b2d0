# expect: known 64
from unsloth import FastLanguageModel

cfg = {}
cfg.update([("r", 64)])
FastLanguageModel.get_peft_model(None, r=cfg["r"])
