# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass(kw_only=True)
class C:
    r: int = 16


FastLanguageModel.get_peft_model(None, r=C(r=64).r)
