# expect: known -6
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=-16 // 3)
