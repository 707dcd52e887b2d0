# expect: known 2 or unknown
from enum import Enum, auto
from unsloth import FastLanguageModel


class Size(Enum):
    SMALL = auto()
    LARGE = auto()


FastLanguageModel.get_peft_model(None, r=Size.LARGE.value)
