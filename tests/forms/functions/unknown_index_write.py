# expect: unknown or either 16 64
import torch
from unsloth import FastLanguageModel

a = [16, 16]
a[torch.cuda.device_count() % 2] = 64
FastLanguageModel.get_peft_model(None, r=a[1])
