# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel


def check():
    if torch.cuda.is_available():
        raise KeyError


r = 16
try:
    check()
except KeyError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
