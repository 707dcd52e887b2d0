# expect: known 64
from unsloth import FastLanguageModel


def build(model, **kwargs):
    kwargs.setdefault("r", 64)
    return FastLanguageModel.get_peft_model(model, **kwargs)


build(None)
