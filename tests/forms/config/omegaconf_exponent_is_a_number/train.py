# expect: known 0.0002 or unknown
from omegaconf import OmegaConf
from unsloth import FastLanguageModel

cfg = OmegaConf.load("config.yaml")
FastLanguageModel.get_peft_model(None, r=cfg.learning_rate)
