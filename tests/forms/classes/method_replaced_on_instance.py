# expect: known 64
from unsloth import FastLanguageModel

class C:
    def rank(self):
        return 16


c = C()
c.rank = lambda: 64
FastLanguageModel.get_peft_model(None, r=c.rank())
