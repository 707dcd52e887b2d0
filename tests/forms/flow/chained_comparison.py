# expect: known 64
from unsloth import FastLanguageModel

r = 32
FastLanguageModel.get_peft_model(None, r=64 if 16 < r < 48 else 16)
