# expect: known 16
from unsloth import FastLanguageModel

a = [16, 64]
a.pop()
FastLanguageModel.get_peft_model(None, r=a[-1])
