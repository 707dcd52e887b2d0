# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 64


FastLanguageModel.get_peft_model(None, r=C.r if hasattr(C, "r") else 16)
