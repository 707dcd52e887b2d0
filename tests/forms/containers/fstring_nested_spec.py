# expect: known "  64"
from unsloth import FastLanguageModel

width = 4
FastLanguageModel.get_peft_model(None, r=f"{64:{width}}")
