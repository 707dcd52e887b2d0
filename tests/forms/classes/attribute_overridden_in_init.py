# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 16

    def __init__(self):
        self.r = 64


FastLanguageModel.get_peft_model(None, r=C().r)
