# expect: known 64 or unknown
from unsloth import FastLanguageModel

try:
    raise ValueError(64)
except ValueError as error:
    r = error.args[0]
FastLanguageModel.get_peft_model(None, r=r)
