# expect: known 16; known 64
from unsloth import FastLanguageModel

def build(r):
    FastLanguageModel.get_peft_model(None, r=r)


build(16)
build(r=64)
