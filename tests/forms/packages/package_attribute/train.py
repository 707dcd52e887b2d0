# expect: known 64
import project.config
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=project.config.LORA_R)
