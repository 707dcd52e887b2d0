# expect: default "64" or unknown
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=os.getenv("LORA_R") or "64")
