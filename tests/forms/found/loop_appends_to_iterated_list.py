# expect: known 4 or unknown
from unsloth import FastLanguageModel

xs = [1, 2]
for x in xs:
    if len(xs) < 4:
        xs.append(x)
FastLanguageModel.get_peft_model(None, r=len(xs))
