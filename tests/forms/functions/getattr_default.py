# expect: known 64
from unsloth import FastLanguageModel

class C:
    pass


FastLanguageModel.get_peft_model(None, r=getattr(C(), "r", 64))
