# expect: known 64
from unsloth import FastLanguageModel

def f(a=1):
    return a


r = 16
try:
    f(b=2)
except TypeError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
