# expect: known 16
from unsloth import FastLanguageModel

r = 16
[r for r in [64]]
FastLanguageModel.get_peft_model(None, r=r)
