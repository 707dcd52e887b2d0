# expect: known 64
from pydantic import BaseModel

from unsloth import FastLanguageModel


class Config(BaseModel):
    r: int = 64


FastLanguageModel.get_peft_model(None, **Config().model_dump())
