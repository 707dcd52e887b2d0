# expect: known 12
from unsloth import FastLanguageModel

seen = []


def note(n):
    seen.append(n)
    return n


def two(a, b):
    return seen[0] * 10 + seen[1]


FastLanguageModel.get_peft_model(None, r=two(note(1), b=note(2)))
