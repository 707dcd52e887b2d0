# expect: known 64
import yaml
from unsloth import FastLanguageModel

cfg = yaml.safe_load("""
lora:
  r: 64
""")
FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])
