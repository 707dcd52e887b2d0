# expect: known 64
from unsloth import FastLanguageModel

def build(model=None, r=64):
    return FastLanguageModel.get_peft_model(None, r=r)


build()
