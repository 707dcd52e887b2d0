# expect: known 64
from project.config import LORA_R
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=LORA_R)
