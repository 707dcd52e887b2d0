# expect: known 64
from dataclasses import dataclass, replace
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 16
    alpha: int = 8


FastLanguageModel.get_peft_model(None, r=replace(C(), r=64).r)
