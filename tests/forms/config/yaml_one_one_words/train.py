# expect: known True; known "none"; known None; known 8; known 0.0002
import yaml
from unsloth import FastLanguageModel

cfg = yaml.safe_load(open("config.yaml"))
FastLanguageModel.get_peft_model(None, r=cfg["a"])
FastLanguageModel.get_peft_model(None, r=cfg["b"])
FastLanguageModel.get_peft_model(None, r=cfg["c"])
FastLanguageModel.get_peft_model(None, r=cfg["d"])
FastLanguageModel.get_peft_model(None, r=cfg["e"])
