# expect: known 16
from unsloth import FastLanguageModel

class C:
    def __init__(self):
        self.r = 16


a, b = C(), C()
b.r = 64
FastLanguageModel.get_peft_model(None, r=a.r)
