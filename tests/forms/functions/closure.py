# expect: known 64
from unsloth import FastLanguageModel

def outer():
    r = 64

    def inner():
        FastLanguageModel.get_peft_model(None, r=r)

    return inner


outer()()
