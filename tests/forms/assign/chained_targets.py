# expect: known 64
from unsloth import FastLanguageModel

a = b = r = 64
FastLanguageModel.get_peft_model(None, r=b)
