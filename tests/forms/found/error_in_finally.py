# expect: known 64
from unsloth import FastLanguageModel

r = 16
try:
    try:
        pass
    finally:
        {}["r"]
except KeyError:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
