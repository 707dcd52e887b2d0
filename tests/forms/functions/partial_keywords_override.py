# expect: known 64
from functools import partial

from unsloth import FastLanguageModel

build = partial(FastLanguageModel.get_peft_model, None, r=16)
build(r=64)
