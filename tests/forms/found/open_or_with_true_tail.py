# expect: known 16
import torch
from unsloth import FastLanguageModel

r = 64
if torch.cuda.is_available() or 2 > 1:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
