# expect: known 3
from unsloth import FastLanguageModel

a = [8, 16, 64, 16]
FastLanguageModel.get_peft_model(None, r=a.index(64) + a.count(8))
