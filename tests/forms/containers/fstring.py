# expect: known "out/r64"
from unsloth import FastLanguageModel

r = 64
FastLanguageModel.get_peft_model(None, r=f"out/r{r}")
