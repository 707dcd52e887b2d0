# expect: known 64
from unsloth import FastLanguageModel

def outer():
    r = 16

    def inner():
        return r

    r = 64
    return inner()


FastLanguageModel.get_peft_model(None, r=outer())
