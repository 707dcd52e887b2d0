# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    try:
        raise ValueError
    except ValueError:
        r = 64
        raise
except ValueError:
    pass
FastLanguageModel.get_peft_model(None, r=r)
