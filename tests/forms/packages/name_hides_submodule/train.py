# expect: known 64
from project import config
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=config)
