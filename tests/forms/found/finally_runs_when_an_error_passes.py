# expect: known 64
from unsloth import FastLanguageModel

try:
    try:
        int("x")
    except KeyError:
        pass
finally:
    FastLanguageModel.get_peft_model(None, r=64)
