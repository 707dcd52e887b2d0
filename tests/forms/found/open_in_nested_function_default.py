# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel


def f(r=64 if torch.cuda.is_available() else 16):
    return r


FastLanguageModel.get_peft_model(None, r=f())
