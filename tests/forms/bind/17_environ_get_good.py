# expect: default 16
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=int(os.environ.get("LORA_R", "16")))
