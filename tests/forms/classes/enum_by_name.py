# expect: known 64
from enum import Enum
from unsloth import FastLanguageModel


class Rank(Enum):
    SMALL = 16
    LARGE = 64


FastLanguageModel.get_peft_model(None, r=Rank["LARGE"].value)
