# expect: unknown or known 100000000
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len("a" * 10**8))
