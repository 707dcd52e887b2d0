# expect: known 16 or unknown
from pydantic import BaseModel
from unsloth import FastLanguageModel


class Config(BaseModel):
    cfg: dict = {"r": 16}


Config().cfg["r"] = 64
FastLanguageModel.get_peft_model(None, r=Config().cfg["r"])
