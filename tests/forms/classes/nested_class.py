# expect: known 64
from unsloth import FastLanguageModel

class Config:
    class Lora:
        r = 64


FastLanguageModel.get_peft_model(None, r=Config.Lora.r)
