# expect: known 64
from unsloth import FastLanguageModel

size = "large"
if size == "small":
    r = 8
elif size == "large":
    r = 64
else:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
