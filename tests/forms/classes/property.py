# expect: known 64
from unsloth import FastLanguageModel

class C:
    half = 32

    @property
    def r(self):
        return self.half * 2


FastLanguageModel.get_peft_model(None, r=C().r)
