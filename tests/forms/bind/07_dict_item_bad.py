# expect: known 64
from unsloth import FastLanguageModel

CFG = {"r": 64}
FastLanguageModel.get_peft_model(None, r=CFG["r"])
