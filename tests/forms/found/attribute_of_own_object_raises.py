# expect: known 64
from unsloth import FastLanguageModel

class C:
    pass


r = 16
try:
    C().r
except AttributeError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
