# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

r = 16
for i in range(2):
    if torch.cuda.is_available():
        break
else:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
