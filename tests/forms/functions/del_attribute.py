# expect: known 16
from unsloth import FastLanguageModel

class C:
    r = 16


c = C()
c.r = 64
del c.r
FastLanguageModel.get_peft_model(None, r=c.r)
