# expect: known 64
from unsloth import FastLanguageModel

R = 64


def build(r=R):
    FastLanguageModel.get_peft_model(None, r=r)


R = 16
build()
