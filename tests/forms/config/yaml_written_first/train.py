# expect: unknown or known 64
import yaml
from unsloth import FastLanguageModel

with open("config.yaml", "w") as f:
    yaml.safe_dump({"r": 64}, f)
with open("config.yaml") as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
