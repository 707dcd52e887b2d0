# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 16


FastLanguageModel.get_peft_model(None, r=64 if C() == C(16) else 16)
