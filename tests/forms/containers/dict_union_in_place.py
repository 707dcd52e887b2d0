# expect: known 64
from unsloth import FastLanguageModel

cfg = {"r": 16}
same = cfg
cfg |= {"r": 64}
FastLanguageModel.get_peft_model(None, r=same["r"])
