# expect: known 16
from unsloth import FastLanguageModel

def change(**kwargs):
    kwargs["r"] = 64


cfg = {"r": 16}
change(**cfg)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
