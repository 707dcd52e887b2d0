# expect: unknown or known 0
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=(1 << 10**9) & 1)
