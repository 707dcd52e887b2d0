# expect: known 16
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Config:
    alpha: int = 64
    r: int = 16


FastLanguageModel.get_peft_model(None, r=Config().r)
