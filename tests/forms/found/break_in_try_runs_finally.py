# expect: known 64
from unsloth import FastLanguageModel

r = 16
for i in range(3):
    try:
        break
    finally:
        r = 64
FastLanguageModel.get_peft_model(None, r=r)
