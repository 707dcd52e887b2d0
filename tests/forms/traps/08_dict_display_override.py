# expect: known 16
from unsloth import FastLanguageModel

base = {"r": 64}
cfg = {**base, "r": 16}
FastLanguageModel.get_peft_model(None, **cfg)
