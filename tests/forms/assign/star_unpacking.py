# expect: known 64
from unsloth import FastLanguageModel

first, *middle, last = 8, 64, 32, 16
FastLanguageModel.get_peft_model(None, r=middle[0])
