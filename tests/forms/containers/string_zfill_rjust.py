# expect: known "007 x"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="7".zfill(3) + "x".rjust(2))
