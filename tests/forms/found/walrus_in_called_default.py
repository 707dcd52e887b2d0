# expect: known 3; known 2
from unsloth import FastLanguageModel

c = 1
f = lambda v=(c := 2): v + 1
FastLanguageModel.get_peft_model(None, r=f())
FastLanguageModel.get_peft_model(None, r=c)
