# expect: known 64
from unsloth import FastLanguageModel

r = 16
while True:
    r += 16
    if r >= 64:
        break
FastLanguageModel.get_peft_model(None, r=r)
