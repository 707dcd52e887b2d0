# expect: known 6
from unsloth import FastLanguageModel

xs = [1, 2, 3]
total = 0
for x in xs:
    xs = []
    total += x
FastLanguageModel.get_peft_model(None, r=total)
