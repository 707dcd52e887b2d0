# expect: known 16
from unsloth import FastLanguageModel

R = 16
from config import *
FastLanguageModel.get_peft_model(None, r=R)
