# expect: known 64 or unknown
from unsloth import FastLanguageModel

n = 16
numbers = (n for _ in [0])
n = 64
FastLanguageModel.get_peft_model(None, r=next(numbers))
