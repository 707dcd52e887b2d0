# expect: known 0.0002
import yaml
from unsloth import FastLanguageModel

with open("config.yaml", encoding="utf-8") as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=float(cfg["learning_rate"]))
