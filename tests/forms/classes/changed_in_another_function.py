# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 16


def override(config):
    config.r = 64


c = C()
override(c)
FastLanguageModel.get_peft_model(None, r=c.r)
