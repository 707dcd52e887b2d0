# expect: known 500 or unknown
from unsloth import FastLanguageModel

def count(n):
    return 0 if n == 0 else 1 + count(n - 1)


FastLanguageModel.get_peft_model(None, r=count(500))
