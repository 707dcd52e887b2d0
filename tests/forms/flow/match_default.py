# expect: known 16
from unsloth import FastLanguageModel

match "other":
    case "small":
        r = 8
    case _:
        r = 16
FastLanguageModel.get_peft_model(None, r=r)
