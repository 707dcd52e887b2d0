# expect: known 16 or unknown
import torch
from unsloth import FastLanguageModel

cfg = {"r": 8}
for _ in (1, 2):
    torch.cuda.is_available() or cfg.update(r=16)
    r = cfg.pop("r", 16)
FastLanguageModel.get_peft_model(None, r=r)
