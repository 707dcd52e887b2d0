# expect: known 64.0 or unknown
from pydantic import BaseModel
from unsloth import FastLanguageModel


class Config(BaseModel):
    r: float


FastLanguageModel.get_peft_model(None, r=Config(r=64).r)
