# expect: known 64; known 16
import torch
from unsloth import FastLanguageModel

if torch.cuda.is_available():
    FastLanguageModel.get_peft_model(None, r=64)
FastLanguageModel.get_peft_model(None, r=16)
