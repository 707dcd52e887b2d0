# expect: known 64 or unknown or either 8 16 64 or either 8 64
import contextlib
from unsloth import FastLanguageModel

r = 16
with contextlib.suppress(ValueError):
    r = 64
    int("x")
    r = 8
FastLanguageModel.get_peft_model(None, r=r)
