# expect: known 64
from functools import partial
from unsloth import FastLanguageModel


def build(model, r):
    FastLanguageModel.get_peft_model(None, r=r)


partial(build, None)(64)
