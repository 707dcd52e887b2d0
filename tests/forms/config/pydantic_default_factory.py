# expect: known 64
from pydantic import BaseModel, Field
from unsloth import FastLanguageModel


class Lora(BaseModel):
    r: int = 64


class Config(BaseModel):
    lora: Lora = Field(default_factory=Lora)


FastLanguageModel.get_peft_model(None, r=Config().lora.r)
