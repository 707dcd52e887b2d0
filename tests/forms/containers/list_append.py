# expect: known 64
from unsloth import FastLanguageModel

a = [16]
a.append(64)
FastLanguageModel.get_peft_model(None, r=a[-1])
