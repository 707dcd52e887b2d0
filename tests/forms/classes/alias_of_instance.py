# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 16


a = C()
b = a
b.r = 64
FastLanguageModel.get_peft_model(None, r=a.r)
