# expect: known 16
from unsloth import FastLanguageModel

def build(model=None, r=16):
    return FastLanguageModel.get_peft_model(None, r=r)


build()
