# expect: known 64
from unsloth import FastLanguageModel

def build(*args):
    FastLanguageModel.get_peft_model(None, r=args[1])


build(16, 64)
