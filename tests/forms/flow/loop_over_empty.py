# expect: known 16
from unsloth import FastLanguageModel

r = 16
for r in []:
    pass
FastLanguageModel.get_peft_model(None, r=r)
