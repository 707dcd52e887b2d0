# expect: known 64; known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=(r := 64))
FastLanguageModel.get_peft_model(None, r=r)
