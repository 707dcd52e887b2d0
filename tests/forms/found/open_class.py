# expect: either 16 64 or unknown
import torch
from unsloth import FastLanguageModel


class A:
    r = 16


class B:
    r = 64


FastLanguageModel.get_peft_model(None, r=(A if torch.cuda.is_available() else B)().r)
