# expect: known 64
import contextlib
import warnings
from unsloth import FastLanguageModel

r = 16
with warnings.catch_warnings():
    r = 64
with contextlib.suppress(Exception):
    pass
FastLanguageModel.get_peft_model(None, r=r)
