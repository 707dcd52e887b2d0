# expect: known 17
from unsloth import FastLanguageModel

r = 16


def change():
    global r
    r = 64
    return 1


r += change()
FastLanguageModel.get_peft_model(None, r=r)
