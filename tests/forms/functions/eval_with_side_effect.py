# expect: unknown or either 16 64
from unsloth import FastLanguageModel

cfg = {"r": 16}
eval("cfg.update(r=64)")
FastLanguageModel.get_peft_model(None, r=cfg["r"])
