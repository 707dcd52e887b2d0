# expect: known 64
from unsloth import FastLanguageModel

class C:
    def rank(self):
        return 16


C.rank = lambda self: 64
FastLanguageModel.get_peft_model(None, r=C().rank())
