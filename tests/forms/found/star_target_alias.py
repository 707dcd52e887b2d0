# expect: known 3
from unsloth import FastLanguageModel

a, *ys = [1, 2, 3, 4]
zs = ys
FastLanguageModel.get_peft_model(None, r=len(zs))
