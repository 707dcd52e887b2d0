# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

cfg = {"r": 64}
if torch.cuda.is_available():
    del cfg["r"]
FastLanguageModel.get_peft_model(None, r=cfg.get("r", 16))
