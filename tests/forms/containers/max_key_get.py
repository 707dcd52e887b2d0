# expect: known "a"
from unsloth import FastLanguageModel

cfg = {"a": 64, "b": 16}
FastLanguageModel.get_peft_model(None, r=max(cfg, key=cfg.get))
