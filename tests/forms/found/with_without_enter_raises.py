# expect: known 64
from unsloth import FastLanguageModel

class C:
    pass


r = 16
try:
    with C():
        r = 8
except Exception:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
