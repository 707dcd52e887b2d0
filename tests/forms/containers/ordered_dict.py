# expect: known 64
from collections import OrderedDict
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=OrderedDict(r=64)["r"])
