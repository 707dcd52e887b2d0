# expect: known 16
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Base:
    r: int = 16


class Child(Base):
    r: int = 64


FastLanguageModel.get_peft_model(None, r=Child().r)
