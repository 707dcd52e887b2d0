# expect: known 64
from enum import Enum
from unsloth import FastLanguageModel


class Size(str, Enum):
    LARGE = "l"


FastLanguageModel.get_peft_model(None, r=64 if Size.LARGE == "l" else 16)
