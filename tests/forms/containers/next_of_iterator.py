# expect: known 64
from unsloth import FastLanguageModel

numbers = iter([16, 64])
next(numbers)
FastLanguageModel.get_peft_model(None, r=next(numbers))
