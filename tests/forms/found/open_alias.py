# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel

a, b = {"r": 16}, {"r": 16}
c = a if torch.cuda.is_available() else b
c["r"] = 64
FastLanguageModel.get_peft_model(None, r=a["r"])
