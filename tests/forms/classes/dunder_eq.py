# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __eq__(self, other):
        return True


FastLanguageModel.get_peft_model(None, r=64 if C() == 3 else 16)
