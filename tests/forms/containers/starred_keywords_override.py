# expect: known 64
from unsloth import FastLanguageModel

def build(**kwargs):
    FastLanguageModel.get_peft_model(None, r=kwargs["r"])


build(**{**{"r": 16}, "r": 64})
