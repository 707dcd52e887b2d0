# expect: either 16 64
import torch
from unsloth import FastLanguageModel


def rank():
    if torch.cuda.is_available():
        return 64
    return 16


FastLanguageModel.get_peft_model(None, r=rank())
