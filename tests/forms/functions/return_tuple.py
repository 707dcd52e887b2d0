# expect: known 64
from unsloth import FastLanguageModel

def settings():
    return 16, 64


alpha, r = settings()
FastLanguageModel.get_peft_model(None, r=r)
