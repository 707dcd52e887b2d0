# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    def __setattr__(self, name, value):
        object.__setattr__(self, name, value * 2)


c = C()
c.r = 32
FastLanguageModel.get_peft_model(None, r=c.r)
