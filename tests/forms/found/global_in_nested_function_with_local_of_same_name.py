# expect: known 64
from unsloth import FastLanguageModel

r = 16


def outer():
    r = 8

    def inner():
        global r
        r = 64

    inner()
    return r


outer()
FastLanguageModel.get_peft_model(None, r=r)
