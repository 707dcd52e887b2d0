# expect: known 64
from typing import NamedTuple
from unsloth import FastLanguageModel


class Config(NamedTuple):
    r: int = 16


old = Config()
FastLanguageModel.get_peft_model(None, r=old._replace(r=64).r if old.r == 16 else 16)
