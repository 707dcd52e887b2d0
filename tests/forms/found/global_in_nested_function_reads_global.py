# expect: known 64
from unsloth import FastLanguageModel

r = 64


def outer():
    r = 8

    def inner():
        global r
        return r

    return inner()


FastLanguageModel.get_peft_model(None, r=outer())
