# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    try:
        pass
    except Exception:
        pass
    else:
        [1, 2][9]
except LookupError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
