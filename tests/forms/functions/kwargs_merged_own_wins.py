# expect: known 16
from unsloth import FastLanguageModel


def build(model, **kwargs):
    kwargs = {**kwargs, "r": 16}
    return FastLanguageModel.get_peft_model(model, **kwargs)


build(None, r=64)
