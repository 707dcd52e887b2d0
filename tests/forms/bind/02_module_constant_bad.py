# expect: known 64
from unsloth import FastLanguageModel

LORA_R = 64
FastLanguageModel.get_peft_model(None, r=LORA_R)
