# expect: known 16
from unsloth import FastLanguageModel

r = 16


class C:
    r = 64

    def rank(self):
        return r


FastLanguageModel.get_peft_model(None, r=C().rank())
