# expect: unknown
import torch
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=torch.cuda.get_device_properties(0).total_memory)
