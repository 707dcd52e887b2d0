# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel


class Config:
    r = 16


cfg = Config()
cfg.r = 64
if torch.cuda.is_available():
    del cfg.r
FastLanguageModel.get_peft_model(None, r=cfg.r)
