# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __init__(self, r):
        self.r = r

    def rank(self):
        return self.r


rank = C(64).rank
FastLanguageModel.get_peft_model(None, r=rank())
