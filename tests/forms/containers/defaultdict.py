# expect: known 0
from collections import defaultdict
from unsloth import FastLanguageModel

cfg = defaultdict(int)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
