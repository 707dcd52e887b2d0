# expect: known 64
from typing import TypedDict
from unsloth import FastLanguageModel


class Config(TypedDict):
    r: int


FastLanguageModel.get_peft_model(None, r=Config(r=64)["r"])
