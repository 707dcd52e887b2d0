# expect: known 16
from unsloth import FastLanguageModel

cfg = {"r": 64}
cfg = {"r": 16}
FastLanguageModel.get_peft_model(None, **cfg)
