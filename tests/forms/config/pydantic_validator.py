# expect: known 64 or unknown
from pydantic import BaseModel, field_validator
from unsloth import FastLanguageModel


class Config(BaseModel):
    r: int = 16

    @field_validator("r")
    @classmethod
    def double(cls, value):
        return value * 2


FastLanguageModel.get_peft_model(None, r=Config(r=32).r)
