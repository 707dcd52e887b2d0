# expect: known 2 or unknown
from unsloth import FastLanguageModel

cfg = {"a": 1, "b": 2}
n = 0


def gen():
    cfg.pop("b", None)
    yield 1


for key, value in list(cfg.items()):
    n += 1
    sum(gen())
FastLanguageModel.get_peft_model(None, r=n)
