# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 16

    def __post_init__(self):
        self.r = self.r * 4


FastLanguageModel.get_peft_model(None, r=C().r)
