# expect: known 64 or unknown
from types import MappingProxyType
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=MappingProxyType({"r": 64})["r"])
