# expect: known 64 or unknown
from unsloth import FastLanguageModel

xs = [1]
it = iter(xs)
xs.insert(0, 64)
FastLanguageModel.get_peft_model(None, r=next(it))
