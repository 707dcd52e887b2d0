# expect: known 64
import os
from unsloth import FastLanguageModel

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "..", "configs", "lora.yaml")) as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
