# expect: known True
from unsloth import FastLanguageModel

a = []
b = a
FastLanguageModel.get_peft_model(None, r=a is b)
