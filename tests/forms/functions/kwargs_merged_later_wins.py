# expect: known 64
from unsloth import FastLanguageModel


def build(model, **kwargs):
    kwargs = {"r": 16, **kwargs}
    return FastLanguageModel.get_peft_model(model, **kwargs)


build(None, r=64)
