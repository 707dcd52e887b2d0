# expect: known 64
from omegaconf import OmegaConf
from unsloth import FastLanguageModel

base = OmegaConf.create({"lora": {"r": 16, "alpha": 8}})
cfg = OmegaConf.merge(base, OmegaConf.load("config.yaml"))
FastLanguageModel.get_peft_model(None, r=cfg.lora.r + cfg["lora"]["alpha"] - 8)
