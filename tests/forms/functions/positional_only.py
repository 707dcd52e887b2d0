# expect: known 64
from unsloth import FastLanguageModel

def build(r, /, model=None):
    FastLanguageModel.get_peft_model(None, r=r)


build(64)
