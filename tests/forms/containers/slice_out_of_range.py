# expect: known 0
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len([1, 2][5:9]))
