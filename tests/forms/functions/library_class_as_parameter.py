# expect: known 64
from unsloth import FastLanguageModel


def run(cls):
    cls.get_peft_model(None, r=64)


run(FastLanguageModel)
