# expect: known 64
from unsloth import FastLanguageModel


class Config:
    def __init__(self):
        self.r = 64


FastLanguageModel.get_peft_model(None, **vars(Config()))
