# expect: known 21
from unsloth import FastLanguageModel

r = 16
r += 8
r -= 3
r //= 1
r |= 0
FastLanguageModel.get_peft_model(None, r=r)
