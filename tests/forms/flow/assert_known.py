# expect: known 64
from unsloth import FastLanguageModel

r = 64
assert r > 16
FastLanguageModel.get_peft_model(None, r=r)
