# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    alpha: int
    r: int


FastLanguageModel.get_peft_model(None, r=C(16, 64).r)
