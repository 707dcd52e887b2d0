# expect: either "a" "b" or unknown
import torch
from unsloth import FastLanguageModel

cfg = {}
if torch.cuda.is_available():
    cfg["a"] = 1
cfg["b"] = 2
cfg["a"] = 3
FastLanguageModel.get_peft_model(None, r=list(cfg)[0])
