# expect: known 64
from helpers import rank
from unsloth import FastLanguageModel

R = 16
FastLanguageModel.get_peft_model(None, r=rank())
