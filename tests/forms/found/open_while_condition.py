# expect: unknown or either 16 64
import torch
from unsloth import FastLanguageModel

r = 16
while torch.cuda.is_available():
    r = 64
    break
FastLanguageModel.get_peft_model(None, r=r)
