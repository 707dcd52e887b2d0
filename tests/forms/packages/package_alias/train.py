# expect: known 64
import project.config as c
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=c.LORA_R)
