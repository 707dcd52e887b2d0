# expect: known 64 or unknown
from unsloth import FastLanguageModel

def build():
    return build.r


build.r = 64
FastLanguageModel.get_peft_model(None, r=build())
