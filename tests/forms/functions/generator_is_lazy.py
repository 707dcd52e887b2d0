# expect: known 16 or unknown
from unsloth import FastLanguageModel

r = 16


def change():
    global r
    r = 64
    yield r


change()
FastLanguageModel.get_peft_model(None, r=r)
