# expect: known 64
from unsloth import FastLanguageModel

rank = lambda r=64: r
FastLanguageModel.get_peft_model(None, r=rank())
