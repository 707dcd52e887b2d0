# expect: known 64
from unsloth import FastLanguageModel

try:
    import tomllib
except ImportError:
    import tomli as tomllib

with open("config.toml", "rb") as f:
    cfg = tomllib.load(f)
FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])
