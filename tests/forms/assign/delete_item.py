# expect: known 64
from unsloth import FastLanguageModel

a = [16, 64]
del a[0]
FastLanguageModel.get_peft_model(None, r=a[0])
