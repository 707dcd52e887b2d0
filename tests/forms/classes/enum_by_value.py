# expect: known "LARGE"
from enum import Enum
from unsloth import FastLanguageModel


class Rank(Enum):
    SMALL = 16
    LARGE = 64


FastLanguageModel.get_peft_model(None, r=Rank(64).name)
