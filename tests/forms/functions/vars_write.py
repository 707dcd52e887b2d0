# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    r = 16


c = C()
vars(c)["r"] = 64
FastLanguageModel.get_peft_model(None, r=c.r)
