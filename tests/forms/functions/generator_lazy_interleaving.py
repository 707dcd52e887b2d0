# expect: known 1 or unknown
from unsloth import FastLanguageModel

seen = []


def ranks():
    seen.append(1)
    yield 16
    seen.append(2)
    yield 64


for r in ranks():
    break
FastLanguageModel.get_peft_model(None, r=len(seen))
