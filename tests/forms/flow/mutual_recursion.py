# expect: known 64 or unknown
from unsloth import FastLanguageModel

def even(n):
    return 64 if n == 0 else odd(n - 1)


def odd(n):
    return 16 if n == 0 else even(n - 1)


FastLanguageModel.get_peft_model(None, r=even(4))
