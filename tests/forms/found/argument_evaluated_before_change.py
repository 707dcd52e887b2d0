# expect: known 1
from unsloth import FastLanguageModel

xs = [1]


def change():
    xs[0] = 64
    return 0


def first(a, b):
    return a


FastLanguageModel.get_peft_model(None, r=first(xs[0], change()))
