# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n > other.n


FastLanguageModel.get_peft_model(None, r=sorted([C(16), C(64)])[0].n)
