# expect: known 16
from unsloth import FastLanguageModel

r, alpha = 16, 32
FastLanguageModel.get_peft_model(None, r=r)
