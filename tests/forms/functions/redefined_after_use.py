# expect: known 16
from unsloth import FastLanguageModel

def rank():
    return 16


def build():
    return rank()


r = build()


def rank():
    return 64


FastLanguageModel.get_peft_model(None, r=r)
