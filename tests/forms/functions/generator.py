# expect: known 64
from unsloth import FastLanguageModel

def ranks():
    yield 16
    yield 64


FastLanguageModel.get_peft_model(None, r=list(ranks())[1])
