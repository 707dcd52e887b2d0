# expect: known 16
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass(frozen=True)
class C:
    r: int = 16


c = C()
try:
    c.r = 64
except AttributeError:
    pass
FastLanguageModel.get_peft_model(None, r=c.r)
