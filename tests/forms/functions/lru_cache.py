# expect: known 64
from functools import lru_cache
from unsloth import FastLanguageModel


@lru_cache(maxsize=None)
def rank():
    return 64


FastLanguageModel.get_peft_model(None, r=rank())
