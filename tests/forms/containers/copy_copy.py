# expect: known 64
import copy
from unsloth import FastLanguageModel

cfg = {"lora": {"r": 16}}
other = copy.copy(cfg)
other["lora"]["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])
