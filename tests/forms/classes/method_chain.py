# expect: known 64
from unsloth import FastLanguageModel

class Builder:
    def __init__(self):
        self.r = 8

    def rank(self, r):
        self.r = r
        return self


FastLanguageModel.get_peft_model(None, r=Builder().rank(16).rank(64).r)
