# expect: known 64
import torch
from unsloth import FastLanguageModel

r = 64
if not torch.cuda.is_available():
    r = 16
    raise RuntimeError("no GPU")
FastLanguageModel.get_peft_model(None, r=r)
