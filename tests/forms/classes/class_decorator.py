# expect: known 64
from unsloth import FastLanguageModel

def enlarge(cls):
    cls.r = 64
    return cls


@enlarge
class C:
    r = 16


FastLanguageModel.get_peft_model(None, r=C.r)
