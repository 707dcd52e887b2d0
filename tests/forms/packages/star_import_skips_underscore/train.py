# expect: known 16
from unsloth import FastLanguageModel

_R = 16
from config import *
FastLanguageModel.get_peft_model(None, r=_R)
