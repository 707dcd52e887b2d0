# expect: known 64
import yaml
from unsloth import FastLanguageModel

cfg = yaml.safe_load(open("config.yaml"))
cfg["r"] = cfg["r"] * 4
FastLanguageModel.get_peft_model(None, r=cfg["r"])
