# expect: known 16
from unsloth import FastLanguageModel

class Run:
    def __init__(self):
        self.r = 16

    def build(self):
        FastLanguageModel.get_peft_model(None, r=self.r)


Run().build()
