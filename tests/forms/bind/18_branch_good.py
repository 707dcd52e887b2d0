# expect: known 16
import torch
from unsloth import FastLanguageModel

r = 16
if torch.cuda.is_available():
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
