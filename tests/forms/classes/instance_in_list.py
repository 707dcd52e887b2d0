# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __init__(self, r):
        self.r = r


for c in [C(64)]:
    FastLanguageModel.get_peft_model(None, r=c.r)
