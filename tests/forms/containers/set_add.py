# expect: known 2
from unsloth import FastLanguageModel

s = {1}
s.add(2)
s.add(2)
FastLanguageModel.get_peft_model(None, r=len(s))
