# expect: known 64
import yaml
from unsloth import FastLanguageModel

try:
    with open("config.yaml") as f:
        cfg = yaml.safe_load(f)
except yaml.YAMLError as error:
    print(error)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
