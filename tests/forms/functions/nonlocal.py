# expect: known 64
from unsloth import FastLanguageModel

def outer():
    r = 16

    def change():
        nonlocal r
        r = 64

    change()
    return r


FastLanguageModel.get_peft_model(None, r=outer())
