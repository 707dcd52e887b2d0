# expect: known 64
from unsloth import FastLanguageModel

def constant(function):
    return lambda: 64


@constant
def rank():
    return 16


FastLanguageModel.get_peft_model(None, r=rank())
