# expect: default 64 or unknown
import os
from unsloth import FastLanguageModel

from dotenv import load_dotenv

load_dotenv()
FastLanguageModel.get_peft_model(None, r=int(os.getenv("LORA_R", "64")))
