# expect: known 64
from unsloth import FastLanguageModel

try:
    n = int("1")
except ValueError:
    r = 16
else:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
