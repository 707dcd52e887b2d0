# expect: known 64 or unknown
from pydantic import BaseModel
from unsloth import FastLanguageModel


class Config(BaseModel):
    r: int = 16


FastLanguageModel.get_peft_model(None, r=Config().model_copy(update={"r": 64}).r)
