# expect: known 64
from unsloth import FastLanguageModel

def double(n, times):
    return n if times == 0 else double(n * 2, times - 1)


FastLanguageModel.get_peft_model(None, r=double(16, 2))
