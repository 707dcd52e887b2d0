# expect: known 64
from unsloth import FastLanguageModel

def rank():
    try:
        return 16
    finally:
        return 64


FastLanguageModel.get_peft_model(None, r=rank())
