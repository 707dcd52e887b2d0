# expect: known 16
from unsloth import FastLanguageModel

def change(cfg):
    cfg = {"r": 64}
    return cfg


cfg = {"r": 16}
change(cfg)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
