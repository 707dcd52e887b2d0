# expect: default 64.0
from os import environ
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=float(environ.get("LORA_R", "64")))
