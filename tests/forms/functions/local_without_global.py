# expect: known 16
from unsloth import FastLanguageModel

r = 16


def change():
    r = 64
    return r


change()
FastLanguageModel.get_peft_model(None, r=r)
