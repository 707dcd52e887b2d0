# expect: known 3
from unsloth import FastLanguageModel

def counter():
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    return step


step = counter()
step()
step()
FastLanguageModel.get_peft_model(None, r=step())
