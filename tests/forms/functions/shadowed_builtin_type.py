# expect: known 64
from unsloth import FastLanguageModel

class dict:
    def __init__(self, **kwargs):
        self.r = 64


FastLanguageModel.get_peft_model(None, r=dict(r=16).r)
