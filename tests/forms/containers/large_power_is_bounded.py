# expect: unknown or known 1
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=10**100000 % 3)
