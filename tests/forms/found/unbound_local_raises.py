# expect: known 64
from unsloth import FastLanguageModel

r = 16


def f():
    r += 1


try:
    f()
except UnboundLocalError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
