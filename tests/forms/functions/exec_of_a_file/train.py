# expect: unknown
from unsloth import FastLanguageModel

r = 16
exec(open("configurator.txt").read())
FastLanguageModel.get_peft_model(None, r=r)
