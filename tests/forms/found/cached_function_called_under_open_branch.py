# expect: either 1 2 or unknown
import functools
from unsloth import FastLanguageModel

import torch

seen = []


@functools.lru_cache
def rank():
    seen.append(1)
    return 64


if torch.cuda.is_available():
    rank()
seen.append(1)
FastLanguageModel.get_peft_model(None, r=len(seen))
