# expect: known 64
from dataclasses import dataclass
from typing import ClassVar
from unsloth import FastLanguageModel


@dataclass
class C:
    scale: ClassVar[int] = 4
    r: int = 16


FastLanguageModel.get_peft_model(None, r=C(64).r if C.scale == 4 else 16)
