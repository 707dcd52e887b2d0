# expect: known 64
import json

from unsloth import FastLanguageModel

with open("config.json") as f:
    config = json.load(f)
FastLanguageModel.get_peft_model(None, **config["lora"])
