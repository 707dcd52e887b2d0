# expect: known 64
from enum import Enum
from unsloth import FastLanguageModel


class Size(Enum):
    LARGE = 64


r = 16
try:
    Size(8)
except ValueError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
