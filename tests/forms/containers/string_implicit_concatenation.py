# expect: known "abc"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="a" "b" "c")
