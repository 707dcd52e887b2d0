# expect: known 64
import config
from unsloth import FastLanguageModel

config.R = 64
FastLanguageModel.get_peft_model(None, r=config.rank())
