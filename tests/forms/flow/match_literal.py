# expect: known 64
from unsloth import FastLanguageModel

size = "large"
match size:
    case "small":
        r = 8
    case "large":
        r = 64
    case _:
        r = 16
FastLanguageModel.get_peft_model(None, r=r)
