# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    def __new__(cls):
        self = object.__new__(cls)
        self.r = 64
        return self


FastLanguageModel.get_peft_model(None, r=C().r)
