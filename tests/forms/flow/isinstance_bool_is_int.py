# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if isinstance(True, int) else 16)
