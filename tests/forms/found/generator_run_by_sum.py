# expect: known 3 or unknown
from unsloth import FastLanguageModel

seen = []


def gen():
    seen.append(1)
    yield 1
    seen.append(2)
    yield 2
    seen.append(3)


sum(gen())
FastLanguageModel.get_peft_model(None, r=len(seen))
