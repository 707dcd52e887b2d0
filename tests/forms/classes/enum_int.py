# expect: known 65
from enum import IntEnum
from unsloth import FastLanguageModel


class Rank(IntEnum):
    LARGE = 64


FastLanguageModel.get_peft_model(None, r=Rank.LARGE + 1)
