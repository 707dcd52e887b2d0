# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 16


def make(c=C()):
    return c


make().r = 64
FastLanguageModel.get_peft_model(None, r=make().r)
