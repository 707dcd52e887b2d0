# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

r = 16


def change():
    global r
    r = 64


def leave():
    pass


f = change if torch.cuda.is_available() else leave
f()
FastLanguageModel.get_peft_model(None, r=r)
