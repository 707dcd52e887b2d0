# expect: known 64
from unsloth import FastLanguageModel

for r in (8, 64):
    pass
FastLanguageModel.get_peft_model(None, r=r)
