# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel


class Config:
    r = 16


cfg = Config()
if torch.cuda.is_available():
    cfg.r = 64
FastLanguageModel.get_peft_model(None, r=cfg.r)
