# expect: known 64
from unsloth import FastLanguageModel

def rank():
    return 16


def rank():
    return 64


FastLanguageModel.get_peft_model(None, r=rank())
