# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        return C(self.n + other.n)


FastLanguageModel.get_peft_model(None, r=(C(16) + C(48)).n)
