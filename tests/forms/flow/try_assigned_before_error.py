# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    r = 64
    int("x")
    r = 8
except ValueError:
    pass
FastLanguageModel.get_peft_model(None, r=r)
