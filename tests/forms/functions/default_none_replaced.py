# expect: known 64
from unsloth import FastLanguageModel

def build(r=None):
    r = r or 64
    FastLanguageModel.get_peft_model(None, r=r)


build()
