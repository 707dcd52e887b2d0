# expect: known 64
from unsloth import FastLanguageModel

class Config:
    R = 64


FastLanguageModel.get_peft_model(None, r=Config.R)
