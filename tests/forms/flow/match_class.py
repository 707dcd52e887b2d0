# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int


match C(64):
    case C(r=value):
        FastLanguageModel.get_peft_model(None, r=value)
