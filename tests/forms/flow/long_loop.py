# expect: known 10000 or unknown
from unsloth import FastLanguageModel

r = 0
for n in range(10000):
    r += 1
FastLanguageModel.get_peft_model(None, r=r)
