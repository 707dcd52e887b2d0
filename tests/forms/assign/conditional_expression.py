# expect: known 64
from unsloth import FastLanguageModel

BIG = True
FastLanguageModel.get_peft_model(None, r=64 if BIG else 16)
