# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

match 4:
    case n if not torch.cuda.is_available():
        r = 64
    case _:
        r = 16
FastLanguageModel.get_peft_model(None, r=r)
