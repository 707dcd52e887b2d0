# expect: known 2.67
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=round(2.674, 2))
