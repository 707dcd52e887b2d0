# expect: known 64
from types import SimpleNamespace
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=SimpleNamespace(**{"r": 64}).r)
