# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if "large" in ("small", "large") else 16)
