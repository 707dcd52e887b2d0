# expect: known -3
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=min([1, -3, 2], key=lambda n: n))
