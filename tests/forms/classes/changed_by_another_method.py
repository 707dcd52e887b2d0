# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __init__(self):
        self.r = 16

    def enlarge(self):
        self.r = 64


c = C()
c.enlarge()
FastLanguageModel.get_peft_model(None, r=c.r)
