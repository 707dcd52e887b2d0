# expect: known 64
from dataclasses import KW_ONLY, dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    alpha: int
    _: KW_ONLY
    r: int = 16


FastLanguageModel.get_peft_model(None, r=C(8, r=64).r)
