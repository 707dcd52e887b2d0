# expect: known 64
from unsloth import FastLanguageModel

cfg = {"alpha": 16}
try:
    r = cfg["r"]
except KeyError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
