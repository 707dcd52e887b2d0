# expect: known 64
from unsloth import FastLanguageModel

r = 16
r *= 4
FastLanguageModel.get_peft_model(None, r=r)
