# expect: known "2e-4"
import yaml
from unsloth import FastLanguageModel

with open("config.yaml", encoding="utf-8") as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["learning_rate"])
