# expect: known 64
from dataclasses import dataclass, field
from unsloth import FastLanguageModel


@dataclass
class Lora:
    r: int = 64


@dataclass
class Config:
    lora: Lora = field(default_factory=Lora)


FastLanguageModel.get_peft_model(None, r=Config().lora.r)
