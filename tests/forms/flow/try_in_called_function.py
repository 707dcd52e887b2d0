# expect: known 64
from unsloth import FastLanguageModel

def fails():
    raise KeyError("x")


try:
    fails()
    r = 16
except KeyError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
