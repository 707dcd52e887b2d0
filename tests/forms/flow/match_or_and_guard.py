# expect: known 64
from unsloth import FastLanguageModel

n = 3
match n:
    case 1 | 2:
        r = 8
    case x if x > 2:
        r = 64
    case _:
        r = 16
FastLanguageModel.get_peft_model(None, r=r)
