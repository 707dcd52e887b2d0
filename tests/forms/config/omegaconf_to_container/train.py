# expect: known 64
from omegaconf import OmegaConf
from unsloth import FastLanguageModel

cfg = OmegaConf.to_container(OmegaConf.load("config.yaml"), resolve=True)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
