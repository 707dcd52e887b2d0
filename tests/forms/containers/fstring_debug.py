# expect: known "r=64"
from unsloth import FastLanguageModel

r = 64
FastLanguageModel.get_peft_model(None, r=f"{r=}")
