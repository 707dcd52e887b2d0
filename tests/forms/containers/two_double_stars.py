# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, **{"lora_alpha": 8}, **{"r": 64})
