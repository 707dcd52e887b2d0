# expect: known 64
from unsloth import FastLanguageModel

try:
    r = int("x")
except ValueError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
