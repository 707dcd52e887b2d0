# expect: known 64
from unsloth import FastLanguageModel

def change(cfg):
    cfg["r"] = 64


cfg = {"r": 16}
change(cfg)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
