# expect: known 64
from unsloth import FastLanguageModel

def f(a):
    return a


r = 16
try:
    f()
except TypeError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
