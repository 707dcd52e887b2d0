# expect: either 8 64 or unknown
import torch
from unsloth import FastLanguageModel

r = 8
try:
    if torch.cuda.is_available():
        r = 64
        raise ValueError
    int("1")
except ValueError:
    pass
FastLanguageModel.get_peft_model(None, r=r)
