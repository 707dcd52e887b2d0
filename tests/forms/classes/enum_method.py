# expect: known 64
from enum import Enum
from unsloth import FastLanguageModel


class Size(Enum):
    LARGE = 32

    def rank(self):
        return self.value * 2


FastLanguageModel.get_peft_model(None, r=Size.LARGE.rank())
