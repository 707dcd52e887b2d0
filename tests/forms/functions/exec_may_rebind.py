# expect: unknown
from unsloth import FastLanguageModel

r = 16
exec("r = 64")
FastLanguageModel.get_peft_model(None, r=r)
