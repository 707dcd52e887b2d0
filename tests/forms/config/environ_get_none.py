# expect: default None or unknown
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=os.environ.get("LORA_R"))
