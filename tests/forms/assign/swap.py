# expect: known 16
from unsloth import FastLanguageModel

a, b = 64, 16
a, b = b, a
FastLanguageModel.get_peft_model(None, r=a)
