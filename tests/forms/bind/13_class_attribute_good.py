# expect: known 16
from unsloth import FastLanguageModel

class Config:
    R = 16


FastLanguageModel.get_peft_model(None, r=Config.R)
