# expect: known 2
from unsloth import FastLanguageModel

n = 0
for a in range(2):
    for b in range(5):
        n += 1
        break
FastLanguageModel.get_peft_model(None, r=n)
