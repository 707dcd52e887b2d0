# expect: unknown
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=id("a"))
