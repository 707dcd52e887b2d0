# expect: unknown
from unsloth import FastLanguageModel

exec("r = 64")
FastLanguageModel.get_peft_model(None, r=r)
