# expect: known 64
import torch
from unsloth import FastLanguageModel

xs = [1]
if torch.cuda.is_available():
    xs.append(2)
try:
    xs[9]
    r = 16
except IndexError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
