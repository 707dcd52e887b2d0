# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    assert not [1]
except AssertionError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
