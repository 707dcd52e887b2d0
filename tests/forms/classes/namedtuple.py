# expect: known 64
from collections import namedtuple
from unsloth import FastLanguageModel

Config = namedtuple("Config", ["r", "alpha"])
FastLanguageModel.get_peft_model(None, r=Config(64, 16).r)
