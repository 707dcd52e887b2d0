# expect: default "x"
from os import getenv as env
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=env("NAME", "x"))
