# expect: known 64
from config import cfg
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=cfg.r)
