# expect: known 64
import settings
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=settings.LORA_R)
