# expect: known 64
from unsloth import FastLanguageModel


def wrapper(*args, **kwargs):
    return FastLanguageModel.get_peft_model(*args, **kwargs)


wrapper(None, r=64)
