# expect: either 0 1 or unknown
import torch
from unsloth import FastLanguageModel

cfg = {}
if torch.cuda.is_available():
    cfg["r"] = 64
FastLanguageModel.get_peft_model(None, r=len(cfg))
