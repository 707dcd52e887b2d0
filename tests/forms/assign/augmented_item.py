# expect: known 48
from unsloth import FastLanguageModel

cfg = {"r": [16]}
cfg["r"][0] += 32
FastLanguageModel.get_peft_model(None, r=cfg["r"][0])
