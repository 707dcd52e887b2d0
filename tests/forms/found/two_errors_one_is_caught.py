# expect: known 64
import torch
from unsloth import FastLanguageModel

try:
    if not torch.cuda.is_available():
        None.r
    {}["none"]
except KeyError:
    FastLanguageModel.get_peft_model(None, r=64)
