# expect: known 64
import yaml
from unsloth import FastLanguageModel

cfg = yaml.safe_load(open("config.yaml").read())
FastLanguageModel.get_peft_model(None, r=cfg["large"]["r"])
