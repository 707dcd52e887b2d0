# expect: known 64
from unsloth import FastLanguageModel

build = FastLanguageModel.get_peft_model
build(None, r=64)
