# expect: either 16 64
import torch
from unsloth import FastLanguageModel

r = 16
if torch.cuda.is_available():
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
