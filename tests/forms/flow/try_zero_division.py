# expect: known 64
from unsloth import FastLanguageModel

try:
    r = 1 // 0
except ZeroDivisionError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
