# expect: known 1
from unsloth import FastLanguageModel

a = [16]
b = a[:]
b.append(64)
FastLanguageModel.get_peft_model(None, r=len(a))
