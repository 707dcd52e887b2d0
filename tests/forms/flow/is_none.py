# expect: known 64
from unsloth import FastLanguageModel

r = None
if r is None:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
