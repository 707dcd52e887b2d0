# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __init__(self, r):
        self.r = r

    @classmethod
    def large(cls):
        return cls(64)


FastLanguageModel.get_peft_model(None, r=C.large().r)
