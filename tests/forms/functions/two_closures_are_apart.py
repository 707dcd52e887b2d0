# expect: known 1
from unsloth import FastLanguageModel

def counter():
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    return step


a, b = counter(), counter()
a()
FastLanguageModel.get_peft_model(None, r=b())
