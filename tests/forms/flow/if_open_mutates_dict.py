# expect: either 16 64
import torch
from unsloth import FastLanguageModel

cfg = {"r": 16}
if torch.cuda.is_available():
    cfg["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg["r"])
