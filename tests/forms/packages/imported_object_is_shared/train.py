# expect: known 64
import config
from config import CFG
from unsloth import FastLanguageModel

config.CFG["r"] = 64
FastLanguageModel.get_peft_model(None, r=CFG["r"])
