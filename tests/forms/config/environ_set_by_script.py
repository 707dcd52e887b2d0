# expect: known "64"
import os
from unsloth import FastLanguageModel

os.environ["LORA_R"] = "64"
FastLanguageModel.get_peft_model(None, r=os.environ["LORA_R"])
