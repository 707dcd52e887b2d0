# expect: known "b"
from unsloth import FastLanguageModel

x, y = "ab"
FastLanguageModel.get_peft_model(None, r=y)
