# expect: known 64
from typing import cast
from unsloth import FastLanguageModel

r = cast(int, 64)
FastLanguageModel.get_peft_model(None, r=r)
