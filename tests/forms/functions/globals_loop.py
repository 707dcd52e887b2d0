# expect: known 64 or unknown
from unsloth import FastLanguageModel

r, alpha = 16, 8
for name in ["r"]:
    globals()[name] = 64
FastLanguageModel.get_peft_model(None, r=r)
