# expect: known 64
from unsloth import FastLanguageModel

class Config:
    def __init__(self, **kwargs):
        for key, value in kwargs.items():
            setattr(self, key, value)


FastLanguageModel.get_peft_model(None, r=Config(r=64).r)
