# expect: known 64
from mystery import overrides
from unsloth import FastLanguageModel

cfg = {**overrides(), "r": 64}
FastLanguageModel.get_peft_model(None, r=cfg["r"])
