# expect: known 0
from unsloth import FastLanguageModel

numbers = iter([1, 2])
list(numbers)
FastLanguageModel.get_peft_model(None, r=len(list(numbers)))
