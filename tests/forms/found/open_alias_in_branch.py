# expect: either 1 2 or unknown
import torch
from unsloth import FastLanguageModel

a = [1]
b = [1]
if torch.cuda.is_available():
    b = a
b.append(2)
FastLanguageModel.get_peft_model(None, r=len(a))
