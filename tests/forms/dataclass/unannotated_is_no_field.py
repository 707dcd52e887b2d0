# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    alpha = 16
    r: int = 8


FastLanguageModel.get_peft_model(None, r=C(64).r)
