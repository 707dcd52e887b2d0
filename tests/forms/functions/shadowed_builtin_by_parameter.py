# expect: known 64
from unsloth import FastLanguageModel

def build(int):
    FastLanguageModel.get_peft_model(None, r=int)


build(64)
