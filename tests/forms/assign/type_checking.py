# expect: known 64
from typing import TYPE_CHECKING
from unsloth import FastLanguageModel

r = 64
if TYPE_CHECKING:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
