# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    try:
        raise KeyError
    except KeyError:
        raise ValueError
except ValueError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
