# expect: known 1
from collections import defaultdict
from unsloth import FastLanguageModel

cfg = defaultdict(list)
cfg["r"].append(64)
FastLanguageModel.get_peft_model(None, r=len(cfg["r"]))
