# expect: known 64
from unsloth import FastLanguageModel

def register(function):
    return function


@register
def rank():
    return 64


FastLanguageModel.get_peft_model(None, r=rank())
