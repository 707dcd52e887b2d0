# expect: known 64 or either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

big = torch.cuda.is_available()
r = 64 if big else 16
if not big:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
