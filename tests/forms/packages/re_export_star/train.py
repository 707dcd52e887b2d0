# expect: known 64
from project import *
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=LORA_R)
