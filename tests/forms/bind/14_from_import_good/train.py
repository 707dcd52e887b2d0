# expect: known 16
from settings import LORA_R
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=LORA_R)
