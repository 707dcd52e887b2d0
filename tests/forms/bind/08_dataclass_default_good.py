# expect: known 16
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class Config:
    r: int = 16


cfg = Config()
FastLanguageModel.get_peft_model(None, r=cfg.r)
