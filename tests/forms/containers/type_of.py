# expect: known "int"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=type(64).__name__)
