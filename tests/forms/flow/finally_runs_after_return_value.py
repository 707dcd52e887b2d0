# expect: known 16
from unsloth import FastLanguageModel

def rank():
    r = 16
    try:
        return r
    finally:
        r = 64


FastLanguageModel.get_peft_model(None, r=rank())
