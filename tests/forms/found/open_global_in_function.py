# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

r = 16


def change():
    global r
    if torch.cuda.is_available():
        r = 64


change()
FastLanguageModel.get_peft_model(None, r=r)
