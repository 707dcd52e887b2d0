# expect: known 2
from unsloth import FastLanguageModel

xs = [1]


def change():
    global xs
    xs = []
    return 2


xs += [change()]
FastLanguageModel.get_peft_model(None, r=len(xs))
