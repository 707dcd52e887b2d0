# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    next(iter([]))
except StopIteration:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
