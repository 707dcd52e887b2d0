# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

cfg = {"r": 16}


def change():
    if torch.cuda.is_available():
        return
    cfg["r"] = 64


change()
FastLanguageModel.get_peft_model(None, r=cfg["r"])
