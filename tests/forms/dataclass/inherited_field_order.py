# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Base:
    alpha: int = 16


@dataclass
class Child(Base):
    r: int = 8


FastLanguageModel.get_peft_model(None, r=Child(32, 64).r)
