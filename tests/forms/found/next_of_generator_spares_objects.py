# expect: known 16 or unknown
from unsloth import FastLanguageModel

class C:
    r = 16


c = C()


def gen():
    yield 1
    c.r = 64


next(gen())
FastLanguageModel.get_peft_model(None, r=c.r)
