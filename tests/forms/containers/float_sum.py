# expect: known 0.30000000000000004
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=0.1 + 0.2)
