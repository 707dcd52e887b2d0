# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 16


c = C()
for key, value in {"r": 64}.items():
    setattr(c, key, value)
FastLanguageModel.get_peft_model(None, r=c.r)
