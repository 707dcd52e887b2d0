# expect: known 2
from unsloth import FastLanguageModel

seen = []


def f():
    for i in range(3):
        try:
            if i == 1:
                return i
        finally:
            seen.append(i)


f()
FastLanguageModel.get_peft_model(None, r=len(seen))
