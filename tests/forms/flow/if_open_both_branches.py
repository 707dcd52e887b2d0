# expect: either 16 64
import torch
from unsloth import FastLanguageModel

if torch.cuda.is_available():
    r = 64
else:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
