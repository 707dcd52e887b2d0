# expect: known 64
from unsloth import FastLanguageModel

r = "64"
if isinstance(r, str):
    r = int(r)
FastLanguageModel.get_peft_model(None, r=r)
