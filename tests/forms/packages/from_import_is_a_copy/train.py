# expect: known 16
import config
from config import R
from unsloth import FastLanguageModel

config.R = 64
FastLanguageModel.get_peft_model(None, r=R)
