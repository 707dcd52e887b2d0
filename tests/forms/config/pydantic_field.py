# expect: known 64
from pydantic import BaseModel, Field
from unsloth import FastLanguageModel


class Config(BaseModel):
    r: int = Field(default=64, gt=0)


FastLanguageModel.get_peft_model(None, r=Config().r)
