# expect: known "a"
from unsloth import FastLanguageModel

cfg = {"a": 1, "b": 2}
del cfg["a"]
cfg["a"] = 3
FastLanguageModel.get_peft_model(None, r=list(cfg)[-1])
