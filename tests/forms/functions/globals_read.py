# expect: known 64 or unknown
from unsloth import FastLanguageModel

r = 64
FastLanguageModel.get_peft_model(None, r=globals()["r"])
