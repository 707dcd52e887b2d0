# expect: known 64
import yaml
from unsloth import FastLanguageModel

cfg = yaml.load(open("config.yaml"), Loader=yaml.FullLoader)
FastLanguageModel.get_peft_model(None, r=cfg.get("lora", {}).get("r", 16))
