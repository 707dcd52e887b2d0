# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

r = 64
try:
    if torch.cuda.is_available():
        raise ValueError
    r = 16
except ValueError:
    pass
FastLanguageModel.get_peft_model(None, r=r)
