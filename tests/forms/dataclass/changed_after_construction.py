# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 16


def override(cfg):
    cfg.r = 64


cfg = C()
override(cfg)
FastLanguageModel.get_peft_model(None, r=cfg.r)
