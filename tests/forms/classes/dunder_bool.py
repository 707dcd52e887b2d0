# expect: known 16
from unsloth import FastLanguageModel

class C:
    def __bool__(self):
        return False


FastLanguageModel.get_peft_model(None, r=64 if C() else 16)
