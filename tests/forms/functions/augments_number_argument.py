# expect: known 16
from unsloth import FastLanguageModel

def change(n):
    n += 48


r = 16
change(r)
FastLanguageModel.get_peft_model(None, r=r)
