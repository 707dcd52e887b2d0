# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

cfg = {"r": 16}
torch.cuda.is_available() and cfg.update(r=64)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
