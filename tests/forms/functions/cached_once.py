# expect: known 1 or unknown
from functools import lru_cache
from unsloth import FastLanguageModel

seen = []


@lru_cache
def rank():
    seen.append(1)
    return 64


rank()
rank()
FastLanguageModel.get_peft_model(None, r=len(seen))
