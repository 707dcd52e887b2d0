# expect: known "b"
from unsloth import FastLanguageModel

cfg = {"a": 1}
cfg["b"] = 2
FastLanguageModel.get_peft_model(None, r=list(cfg)[-1])
