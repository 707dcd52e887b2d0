# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Config:
    r: int = 8


cfg = Config(r=64)
FastLanguageModel.get_peft_model(None, r=cfg.r)
