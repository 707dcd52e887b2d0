# expect: unknown or either 1 4
import torch
from unsloth import FastLanguageModel

n = 0
for _ in range(torch.cuda.device_count()):
    n += 1
FastLanguageModel.get_peft_model(None, r=n)
