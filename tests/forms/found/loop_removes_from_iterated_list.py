# expect: known 2 or unknown
from unsloth import FastLanguageModel

xs = [1, 2, 3, 4]
for x in xs:
    xs.remove(x)
FastLanguageModel.get_peft_model(None, r=len(xs))
