# expect: known 64
import importlib
from unsloth import FastLanguageModel

config = importlib.import_module("config")
FastLanguageModel.get_peft_model(None, r=config.R)
