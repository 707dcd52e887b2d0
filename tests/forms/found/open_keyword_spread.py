# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

kwargs = {}
if torch.cuda.is_available():
    kwargs["r"] = 64


def build(r=16):
    FastLanguageModel.get_peft_model(None, r=r)


build(**kwargs)
