# expect: known 64
import torch
from unsloth import FastLanguageModel


def check():
    if torch.cuda.device_count() > 99:
        raise ValueError


try:
    check()
except (IndexError, KeyError):
    pass
FastLanguageModel.get_peft_model(None, r=64)
