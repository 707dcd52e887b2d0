# expect: known 64
from unsloth import FastLanguageModel

def build(model, r):
    FastLanguageModel.get_peft_model(None, r=r)


build(*[None, 64])
