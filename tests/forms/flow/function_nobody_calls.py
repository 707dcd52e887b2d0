# expect: known 64 or no call
from unsloth import FastLanguageModel

def build(r=16):
    FastLanguageModel.get_peft_model(None, r=64)
