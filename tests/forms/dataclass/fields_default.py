# expect: known 64 or unknown
from dataclasses import dataclass, fields
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 64


FastLanguageModel.get_peft_model(None, r=fields(C)[0].default)
