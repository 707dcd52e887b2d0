# expect: known 64
from enum import Enum
from unsloth import FastLanguageModel


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


size = Size.LARGE
FastLanguageModel.get_peft_model(None, r=64 if size is Size.LARGE and size == Size.LARGE and size != "l" else 16)
