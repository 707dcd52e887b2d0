# expect: known 64
import torch
from unsloth import FastLanguageModel

r = 16
with torch.no_grad():
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
