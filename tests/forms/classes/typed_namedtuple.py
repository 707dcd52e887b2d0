# expect: known 64
from typing import NamedTuple
from unsloth import FastLanguageModel


class Config(NamedTuple):
    alpha: int
    r: int = 64


FastLanguageModel.get_peft_model(None, r=Config(16).r)
