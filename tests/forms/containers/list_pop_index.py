# expect: known 64
from unsloth import FastLanguageModel

a = [64, 16]
FastLanguageModel.get_peft_model(None, r=a.pop(0))
