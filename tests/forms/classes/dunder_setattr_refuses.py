# expect: known 16 or unknown
from unsloth import FastLanguageModel

class C:
    r = 16

    def __setattr__(self, name, value):
        pass


c = C()
c.r = 64
FastLanguageModel.get_peft_model(None, r=c.r)
