# expect: either 16 64
import torch
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if torch.cuda.is_available() else 16)
