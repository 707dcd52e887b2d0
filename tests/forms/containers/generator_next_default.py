# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=next((n for n in [1, 2] if n > 20), 64))
