# expect: known 64
from dataclasses import dataclass, replace
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 4

    def __post_init__(self):
        self.r *= 4


FastLanguageModel.get_peft_model(None, r=replace(C()).r)
