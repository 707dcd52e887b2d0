# expect: known 64
from collections import namedtuple
from unsloth import FastLanguageModel

Config = namedtuple("Config", "alpha r", defaults=[64])
FastLanguageModel.get_peft_model(None, r=Config(16).r)
