# expect: known 64
import torch
from unsloth import FastLanguageModel


class C(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.r = 64


FastLanguageModel.get_peft_model(None, r=C().r)
