# expect: known 64
from dataclasses import dataclass, field
from unsloth import FastLanguageModel


@dataclass
class C:
    base: int = 16
    r: int = field(init=False)

    def __post_init__(self):
        self.r = self.base * 4


FastLanguageModel.get_peft_model(None, r=C().r)
