# expect: known 16 or unknown
from unsloth import FastLanguageModel

r = 16


def gen():
    global r
    yield 1
    r = 64


next(gen())
FastLanguageModel.get_peft_model(None, r=r)
