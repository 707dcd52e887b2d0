# expect: known 64
import torch
from unsloth import FastLanguageModel

if torch.cuda.is_available():
    r = 64
else:
    r = 32 * 2
FastLanguageModel.get_peft_model(None, r=r)
