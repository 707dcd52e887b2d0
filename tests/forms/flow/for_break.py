# expect: known 16
from unsloth import FastLanguageModel

for r in [8, 16, 64]:
    if r == 16:
        break
FastLanguageModel.get_peft_model(None, r=r)
