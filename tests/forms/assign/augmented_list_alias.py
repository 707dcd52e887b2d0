# expect: known 3
from unsloth import FastLanguageModel

a = [1]
b = a
b += [2, 3]
FastLanguageModel.get_peft_model(None, r=len(a))
