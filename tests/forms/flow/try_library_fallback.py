# expect: either 16 64 or known 64 or default 64 or unknown
import torch
from unsloth import FastLanguageModel

try:
    torch.zeros(1).cuda()
    r = 64
except RuntimeError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
