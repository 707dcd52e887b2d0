# expect: known "ba"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="{1}{0}".format("a", "b"))
