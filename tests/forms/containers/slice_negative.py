# expect: known 2
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len([1, 2, 3][-2:]))
