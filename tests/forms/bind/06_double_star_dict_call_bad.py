# expect: known 64
from unsloth import FastLanguageModel

cfg = dict(r=64, lora_alpha=16)
FastLanguageModel.get_peft_model(None, **cfg)
