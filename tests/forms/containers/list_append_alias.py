# expect: known 2
from unsloth import FastLanguageModel

a = [16]
b = a
b.append(64)
FastLanguageModel.get_peft_model(None, r=len(a))
