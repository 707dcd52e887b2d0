# expect: known 64
import os
import sys
from unsloth import FastLanguageModel

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "shared"))
from settings import LORA_R
FastLanguageModel.get_peft_model(None, r=LORA_R)
