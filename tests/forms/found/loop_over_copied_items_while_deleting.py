# expect: known 2
from unsloth import FastLanguageModel

cfg = {"a": 1, "b": 2}
n = 0
for key, value in list(cfg.items()):
    n += 1
    cfg.pop("b", None)
FastLanguageModel.get_peft_model(None, r=n)
