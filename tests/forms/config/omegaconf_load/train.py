# expect: known 64
from omegaconf import OmegaConf
from unsloth import FastLanguageModel

cfg = OmegaConf.load("config.yaml")
FastLanguageModel.get_peft_model(None, r=cfg.lora.r)
