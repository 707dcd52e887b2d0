# expect: known 4 or unknown
from unsloth import FastLanguageModel

n = 1
match 4:
    case n if n > 9:
        pass
    case _:
        pass
FastLanguageModel.get_peft_model(None, r=n)
