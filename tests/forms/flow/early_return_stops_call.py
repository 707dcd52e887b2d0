# expect: known 16
from unsloth import FastLanguageModel

def build(r):
    if r > 32:
        return
    FastLanguageModel.get_peft_model(None, r=r)


build(64)
build(16)
