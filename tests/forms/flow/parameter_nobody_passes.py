# expect: unknown or default 16 or no call
from unsloth import FastLanguageModel

def build(r):
    FastLanguageModel.get_peft_model(None, r=r)
