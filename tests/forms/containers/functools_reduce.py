# expect: known 64
from functools import reduce
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=reduce(lambda a, b: a * b, [4, 16]))
