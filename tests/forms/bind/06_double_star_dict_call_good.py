# expect: known 16
from unsloth import FastLanguageModel

cfg = dict(r=16, lora_alpha=16)
FastLanguageModel.get_peft_model(None, **cfg)
