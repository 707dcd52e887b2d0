# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 16


c = C()
C.r = 64
FastLanguageModel.get_peft_model(None, r=c.r)
