# expect: known 64
from unsloth import FastLanguageModel

r = 16
for x in [1, 2]:
    if x == 3:
        break
else:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
