# expect: known 64
from unsloth import FastLanguageModel

class Run:
    def __init__(self):
        self.r = 64

    def build(self):
        FastLanguageModel.get_peft_model(None, r=self.r)


Run().build()
