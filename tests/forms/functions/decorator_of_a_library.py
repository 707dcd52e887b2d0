# expect: known 64 or unknown
import torch
from unsloth import FastLanguageModel


@torch.no_grad()
def rank():
    return 64


FastLanguageModel.get_peft_model(None, r=rank() if True else 16)
