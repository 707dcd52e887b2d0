# expect: known 64
from unsloth import FastLanguageModel

def len(thing):
    return 64


FastLanguageModel.get_peft_model(None, r=len([1, 2]))
