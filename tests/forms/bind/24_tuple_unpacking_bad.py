# expect: known 64
from unsloth import FastLanguageModel

r, alpha = 64, 32
FastLanguageModel.get_peft_model(None, r=r)
