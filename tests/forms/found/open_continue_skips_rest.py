# expect: either 0 2 or either 0 1 2 or unknown
import torch
from unsloth import FastLanguageModel

n = 0
for i in range(2):
    if torch.cuda.is_available():
        continue
    n += 1
FastLanguageModel.get_peft_model(None, r=n)
