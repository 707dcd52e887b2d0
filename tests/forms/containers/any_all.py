# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if any([0, 1]) and all([]) else 16)
