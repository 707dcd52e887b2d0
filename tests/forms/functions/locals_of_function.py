# expect: known 64 or unknown
from unsloth import FastLanguageModel

def rank():
    r = 64
    return locals()["r"]


FastLanguageModel.get_peft_model(None, r=rank())
