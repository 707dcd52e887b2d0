# expect: known 2
from unsloth import FastLanguageModel

def collect(n, seen=[]):
    seen.append(n)
    return seen


collect(1)
FastLanguageModel.get_peft_model(None, r=len(collect(2)))
