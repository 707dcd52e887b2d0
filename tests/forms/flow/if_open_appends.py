# expect: either 1 2 or unknown
import torch
from unsloth import FastLanguageModel

a = [1]
if torch.cuda.is_available():
    a.append(2)
FastLanguageModel.get_peft_model(None, r=len(a))
