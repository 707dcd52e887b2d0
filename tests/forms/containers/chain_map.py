# expect: known 64 or unknown
from collections import ChainMap
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=ChainMap({"r": 64}, {"r": 16})["r"])
