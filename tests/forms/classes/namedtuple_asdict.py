# expect: known 64
from typing import NamedTuple
from unsloth import FastLanguageModel


class Config(NamedTuple):
    r: int = 64


FastLanguageModel.get_peft_model(None, r=Config()._asdict()["r"])
