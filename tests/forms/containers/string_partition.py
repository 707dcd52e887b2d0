# expect: known "b"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="a=b".partition("=")[2])
