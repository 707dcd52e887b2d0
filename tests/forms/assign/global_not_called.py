# expect: known 16
from unsloth import FastLanguageModel

R = 16


def raise_it():
    global R
    R = 64


FastLanguageModel.get_peft_model(None, r=R)
