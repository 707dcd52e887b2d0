# expect: known 64
from unsloth import FastLanguageModel

def inner():
    yield 16
    yield 64


def outer():
    yield from inner()


FastLanguageModel.get_peft_model(None, r=list(outer())[-1])
