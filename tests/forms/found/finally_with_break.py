# expect: known 1 or either 1 2 3
from unsloth import FastLanguageModel

n = 0
for i in range(3):
    try:
        n += 1
        continue
    finally:
        break
FastLanguageModel.get_peft_model(None, r=n)
