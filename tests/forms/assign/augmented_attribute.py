# expect: known 32
from unsloth import FastLanguageModel

class C:
    r = 16


C.r += 16
FastLanguageModel.get_peft_model(None, r=C.r)
