# expect: known "r064 x 50%"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="r%03d %s %d%%" % (64, "x", 50))
