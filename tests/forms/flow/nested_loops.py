# expect: known 64
from unsloth import FastLanguageModel

r = 0
for a in range(4):
    for b in range(4):
        r += 4
FastLanguageModel.get_peft_model(None, r=r)
