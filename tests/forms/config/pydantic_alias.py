# expect: known 64 or unknown
from pydantic import BaseModel, Field
from unsloth import FastLanguageModel


class Config(BaseModel):
    r: int = Field(16, alias="rank")


FastLanguageModel.get_peft_model(None, r=Config(rank=64).r)
