# expect: known 64
from config import Config
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=Config(r=64).r)
