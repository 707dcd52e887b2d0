# expect: known 64
from unsloth import FastLanguageModel

class Config:
    def __init__(self, **kwargs):
        self.__dict__.update(kwargs)


FastLanguageModel.get_peft_model(None, r=Config(r=64).r)
