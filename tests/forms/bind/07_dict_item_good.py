# expect: known 16
from unsloth import FastLanguageModel

CFG = {"r": 16}
FastLanguageModel.get_peft_model(None, r=CFG["r"])
