# expect: known 4
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len([1, 2] * 2))
