# expect: either 8 16 64 or either 8 64 or unknown
import torch
from unsloth import FastLanguageModel

r = 8
try:
    if torch.cuda.is_available():
        1 // 0
    r = 16
    r = 64
except ZeroDivisionError:
    pass
FastLanguageModel.get_peft_model(None, r=r)
