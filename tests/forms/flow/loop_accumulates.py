# expect: known 64
from unsloth import FastLanguageModel

total = 0
for n in [16, 16, 32]:
    total += n
FastLanguageModel.get_peft_model(None, r=total)
