# expect: known 16
from unsloth import FastLanguageModel

r = 16
r: int
FastLanguageModel.get_peft_model(None, r=r)
