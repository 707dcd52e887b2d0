# expect: known 64
from unsloth import FastLanguageModel

a = [64, 16, 8]
b = a
b.sort()
a.reverse()
FastLanguageModel.get_peft_model(None, r=b[0])
