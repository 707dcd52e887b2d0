# expect: known 17
from unsloth import FastLanguageModel

class C:
    r = 16


def change():
    C.r = 64
    return 1


FastLanguageModel.get_peft_model(None, r=C.r + change())
