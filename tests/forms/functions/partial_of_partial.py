# expect: known 64
from functools import partial

from unsloth import FastLanguageModel

partial(partial(FastLanguageModel.get_peft_model, r=16), None, r=64)()
