# expect: known 16
from unsloth import FastLanguageModel

DEBUG = False
r = 16
if DEBUG:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
