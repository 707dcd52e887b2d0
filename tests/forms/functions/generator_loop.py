# expect: known 16; known 64
from unsloth import FastLanguageModel

def ranks():
    for r in (16, 64):
        yield r


for r in ranks():
    FastLanguageModel.get_peft_model(None, r=r)
