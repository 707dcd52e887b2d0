# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel


class C:
    def __init__(self):
        self.r = 16


a, b = C(), C()
c = a if torch.cuda.is_available() else b
c.r = 64
FastLanguageModel.get_peft_model(None, r=b.r)
