# expect: known 16
from unsloth import FastLanguageModel

def build(r):
    return FastLanguageModel.get_peft_model(None, r=r)


build(16)
