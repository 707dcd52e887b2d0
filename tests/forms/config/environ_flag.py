# expect: default False
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=os.environ.get("BIG", "false").lower() == "true")
