# expect: known 64
from unsloth import FastLanguageModel

class C:
    pass


r = 16
try:
    C(1)
except TypeError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
