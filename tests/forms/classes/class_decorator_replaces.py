# expect: known 64
from unsloth import FastLanguageModel

class Other:
    r = 64


def swap(cls):
    return Other


@swap
class C:
    r = 16


FastLanguageModel.get_peft_model(None, r=C.r)
