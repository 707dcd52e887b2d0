# expect: known 64 or unknown or either 16 64
import os
from unsloth import FastLanguageModel

import yaml

cfg = {"r": 64}
if os.path.exists("nowhere.yaml"):
    with open("nowhere.yaml") as f:
        cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
