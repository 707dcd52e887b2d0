# expect: known 1 or unknown
from unsloth import FastLanguageModel

xs = [1, 2]


def gen():
    del xs[1:]
    yield 1


sum(gen())
FastLanguageModel.get_peft_model(None, r=len(xs))
