# expect: default 64 or unknown
from omegaconf import OmegaConf
from unsloth import FastLanguageModel

cfg = OmegaConf.merge(OmegaConf.load("config.yaml"), OmegaConf.from_cli())
FastLanguageModel.get_peft_model(None, r=cfg.r)
