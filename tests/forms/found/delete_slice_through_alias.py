# expect: known 1
from unsloth import FastLanguageModel

xs = [1, 2, 3]


def shorten(items):
    del items[1:]


shorten(xs)
FastLanguageModel.get_peft_model(None, r=len(xs))
