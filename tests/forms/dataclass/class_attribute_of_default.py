# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 64


FastLanguageModel.get_peft_model(None, r=C.r)
