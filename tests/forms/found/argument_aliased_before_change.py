# expect: known 2
from unsloth import FastLanguageModel

xs = [1]


def change():
    xs.append(64)
    return 0


def first(a, b):
    return len(a)


FastLanguageModel.get_peft_model(None, r=first(xs, change()))
