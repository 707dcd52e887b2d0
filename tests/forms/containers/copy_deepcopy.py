# expect: known 16
import copy
from unsloth import FastLanguageModel

cfg = {"lora": {"r": 16}}
other = copy.deepcopy(cfg)
other["lora"]["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])
