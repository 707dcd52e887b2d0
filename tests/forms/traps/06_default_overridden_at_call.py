# expect: known 16
from unsloth import FastLanguageModel

def build(r=64):
    FastLanguageModel.get_peft_model(None, r=r)


build(16)
