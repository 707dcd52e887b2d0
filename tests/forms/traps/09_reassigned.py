# expect: known 16
from unsloth import FastLanguageModel

r = 64
r = 16
FastLanguageModel.get_peft_model(None, r=r)
