# expect: either 16 64 or default 16 or unknown
import torch
from unsloth import FastLanguageModel

xs = [1]
if torch.cuda.is_available():
    xs.append(2)
try:
    xs[1]
    r = 16
except IndexError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
