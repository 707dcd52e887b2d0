# expect: known 64
from unsloth import FastLanguageModel

class C:
    base = 16
    r = base * 4


FastLanguageModel.get_peft_model(None, r=C.r)
