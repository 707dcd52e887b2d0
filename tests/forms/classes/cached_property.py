# expect: known 64
from functools import cached_property
from unsloth import FastLanguageModel


class C:
    @cached_property
    def r(self):
        return 64


FastLanguageModel.get_peft_model(None, r=C().r)
