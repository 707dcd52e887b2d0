# expect: known 16
from unsloth import FastLanguageModel

class C:
    r = 8


c = C()
c.r = 16
C.r = 64
FastLanguageModel.get_peft_model(None, r=c.r)
