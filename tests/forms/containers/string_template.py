# expect: known "r 64"
from string import Template
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=Template("r $r").substitute(r=64))
