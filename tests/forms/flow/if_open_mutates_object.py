# expect: either 16 64
import torch
from unsloth import FastLanguageModel


class C:
    r = 16


c = C()
if torch.cuda.is_available():
    c.r = 64
FastLanguageModel.get_peft_model(None, r=c.r)
