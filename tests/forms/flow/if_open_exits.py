# expect: known 64
import sys
from unsloth import FastLanguageModel

import torch

r = 64
if not torch.cuda.is_available():
    r = 16
    sys.exit(1)
FastLanguageModel.get_peft_model(None, r=r)
