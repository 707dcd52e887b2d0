# expect: known 64
from typing import NamedTuple
from unsloth import FastLanguageModel


class Config(NamedTuple):
    alpha: int = 16
    r: int = 64


alpha, r = Config()
FastLanguageModel.get_peft_model(None, r=r)
