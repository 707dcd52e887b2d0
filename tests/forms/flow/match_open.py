# expect: either 8 16 64
import torch
from unsloth import FastLanguageModel

match torch.cuda.device_count():
    case 1:
        r = 16
    case 4:
        r = 64
    case _:
        r = 8
FastLanguageModel.get_peft_model(None, r=r)
