# expect: known "r64"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="r{}".format(64))
