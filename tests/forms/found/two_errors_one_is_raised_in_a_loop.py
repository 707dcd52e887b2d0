# expect: known 64
import torch
from unsloth import FastLanguageModel

try:
    for n in (1, 2):
        if torch.cuda.is_available():
            break
    else:
        raise ValueError
    {}["none"]
except KeyError:
    FastLanguageModel.get_peft_model(None, r=64)
