# expect: known 64
from unsloth import FastLanguageModel

def check(xs):
    assert not xs


r = 16
try:
    check([1])
except Exception:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
