# expect: known 64
from unsloth import FastLanguageModel

n, r = 2, 16
while n:
    n -= 1
else:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
