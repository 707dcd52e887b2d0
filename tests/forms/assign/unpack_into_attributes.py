# expect: known 64
from unsloth import FastLanguageModel

class C:
    pass


c = C()
c.r, c.alpha = 64, 16
FastLanguageModel.get_peft_model(None, r=c.r)
