# expect: known 8
from unsloth import FastLanguageModel

r = 64
try:
    "{} {}".format("q")
except IndexError:
    r = 8
FastLanguageModel.get_peft_model(None, r=r)
