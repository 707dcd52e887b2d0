# expect: known 2
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=round(2.5))
