# expect: known 64
from unsloth import FastLanguageModel

class C:
    r = 0
    for _ in range(4):
        r += 16
    if r < 16:
        r = 16


FastLanguageModel.get_peft_model(None, r=C.r)
