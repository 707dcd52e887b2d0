# expect: known 64 or unknown
from unsloth import FastLanguageModel

class Config:
    r = 64
    alpha = 16


cfg = {k: v for k, v in vars(Config).items() if not k.startswith("__")}
FastLanguageModel.get_peft_model(None, r=cfg["r"])
