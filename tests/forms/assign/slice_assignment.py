# expect: known 64
from unsloth import FastLanguageModel

a = [1, 2, 3]
a[0:2] = [64]
FastLanguageModel.get_peft_model(None, r=a[0])
