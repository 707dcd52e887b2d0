# expect: known 16
from unsloth import FastLanguageModel

error = 64
try:
    raise ValueError
except ValueError as error:
    pass
try:
    error
    r = 64
except NameError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
