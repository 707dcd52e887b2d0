# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Config:
    r: int = 64


cfg = Config()
FastLanguageModel.get_peft_model(None, r=cfg.r)
