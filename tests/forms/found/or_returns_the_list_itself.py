# expect: known 2
from unsloth import FastLanguageModel

a = [1]
b = a or []
b.append(2)
FastLanguageModel.get_peft_model(None, r=len(a))
