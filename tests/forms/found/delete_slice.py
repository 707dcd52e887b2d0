# expect: known 1
from unsloth import FastLanguageModel

xs = [1, 2, 3]
del xs[1:3]
FastLanguageModel.get_peft_model(None, r=len(xs))
