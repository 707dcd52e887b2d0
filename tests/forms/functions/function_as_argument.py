# expect: known 64
from unsloth import FastLanguageModel

def apply(function, n):
    return function(n)


FastLanguageModel.get_peft_model(None, r=apply(lambda n: n * 4, 16))
