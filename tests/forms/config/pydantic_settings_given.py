# expect: known 64
from pydantic_settings import BaseSettings
from unsloth import FastLanguageModel


class Settings(BaseSettings):
    r: int = 16


FastLanguageModel.get_peft_model(None, r=Settings(r=64).r)
