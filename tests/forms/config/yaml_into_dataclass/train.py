# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel

import yaml


@dataclass
class Config:
    r: int = 16
    alpha: int = 16


config = Config(**yaml.safe_load(open("config.yaml")))
FastLanguageModel.get_peft_model(None, r=config.r)
