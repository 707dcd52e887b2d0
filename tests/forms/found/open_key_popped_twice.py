# expect: known 16 or unknown
import torch
from unsloth import FastLanguageModel

cfg = {}
if torch.cuda.is_available():
    cfg["r"] = 64
cfg.pop("r", 16)
FastLanguageModel.get_peft_model(None, r=cfg.pop("r", 16))
