# expect: known 16
from unsloth import FastLanguageModel

def outer():
    r = 16

    def change():
        nonlocal r
        r = 64

    return r


FastLanguageModel.get_peft_model(None, r=outer())
