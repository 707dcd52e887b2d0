# expect: known 16
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Config:
    r: int = 8


cfg = Config(r=16)
FastLanguageModel.get_peft_model(None, r=cfg.r)
