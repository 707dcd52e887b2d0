# expect: unknown or default 16 or either 16 64
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if "LORA_R" in os.environ else 16)
