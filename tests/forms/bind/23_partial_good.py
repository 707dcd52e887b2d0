# expect: known 16
from functools import partial

from unsloth import FastLanguageModel

build = partial(FastLanguageModel.get_peft_model, r=16)
build(None)
