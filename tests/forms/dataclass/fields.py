# expect: known 64
from dataclasses import dataclass, fields
from unsloth import FastLanguageModel


@dataclass
class C:
    alpha: int = 16
    r: int = 64


FastLanguageModel.get_peft_model(None, r={f.name: getattr(C(), f.name) for f in fields(C)}["r"])
