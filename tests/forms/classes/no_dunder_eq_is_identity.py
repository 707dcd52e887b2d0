# expect: known 16
from unsloth import FastLanguageModel

class C:
    pass


FastLanguageModel.get_peft_model(None, r=64 if C() == C() else 16)
