# expect: known 64 or unknown
from unsloth import FastLanguageModel

def rank(r=16):
    return r


rank.__defaults__ = (64,)
FastLanguageModel.get_peft_model(None, r=rank())
