# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    max([])
except ValueError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
