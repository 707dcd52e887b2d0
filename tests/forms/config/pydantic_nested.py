# expect: known 64
from pydantic import BaseModel
from unsloth import FastLanguageModel


class Lora(BaseModel):
    r: int = 16


class Config(BaseModel):
    lora: Lora = Lora()


FastLanguageModel.get_peft_model(None, r=Config(lora={"r": 64}).lora.r)
