# expect: known 64
from unsloth import FastLanguageModel

r = 1
while r < 64:
    r *= 2
FastLanguageModel.get_peft_model(None, r=r)
