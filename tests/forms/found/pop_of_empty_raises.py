# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    [].pop()
except IndexError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
