# expect: default "64" or unknown
import os
from unsloth import FastLanguageModel

os.environ.setdefault("LORA_R", "64")
FastLanguageModel.get_peft_model(None, r=os.environ["LORA_R"])
