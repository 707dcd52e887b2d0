# expect: default 64 or unknown
import os
from unsloth import FastLanguageModel

cfg = {"r": 16}
cfg[os.environ.get("KEY", "r")] = 64
FastLanguageModel.get_peft_model(None, r=cfg["r"])
