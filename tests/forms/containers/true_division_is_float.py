# expect: known 4.0
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=16 / 4)
