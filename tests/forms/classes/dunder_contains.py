# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __contains__(self, key):
        return True


FastLanguageModel.get_peft_model(None, r=64 if "x" in C() else 16)
