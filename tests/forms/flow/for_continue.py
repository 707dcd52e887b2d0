# expect: known 8; known 64
from unsloth import FastLanguageModel

for r in [8, 16, 64]:
    if r == 16:
        continue
    FastLanguageModel.get_peft_model(None, r=r)
