# expect: known 64
from unsloth import FastLanguageModel

def build():
    FastLanguageModel.get_peft_model(None, r=R)


R = 64
build()
