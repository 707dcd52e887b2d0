# expect: known 64
from unsloth import FastLanguageModel

class Stop(Exception):
    pass


r = 16
try:
    raise Stop("no")
    r = 8
except Stop:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
