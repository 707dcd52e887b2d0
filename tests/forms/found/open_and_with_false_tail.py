# expect: known 16
import torch
from unsloth import FastLanguageModel

r = 64
if torch.cuda.is_available() and 1 > 2:
    pass
else:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
