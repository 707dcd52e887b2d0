# expect: known 16
from unsloth import FastLanguageModel

r = 3
FastLanguageModel.get_peft_model(None, r=64 if 1 < 2 < r < 3 else 16)
