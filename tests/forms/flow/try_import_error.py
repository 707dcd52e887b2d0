# expect: known 64
from unsloth import FastLanguageModel

try:
    import json

    r = 64
except ImportError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
