# expect: unknown or no call
import yaml
from unsloth import FastLanguageModel

with open("nowhere.yaml") as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
