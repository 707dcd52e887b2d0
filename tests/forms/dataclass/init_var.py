# expect: known 64
from dataclasses import InitVar, dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    scale: InitVar[int]
    r: int = 16

    def __post_init__(self, scale):
        self.r *= scale


FastLanguageModel.get_peft_model(None, r=C(4).r)
