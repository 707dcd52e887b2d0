# expect: unknown
from mystery import configure
from unsloth import FastLanguageModel


@configure
class C:
    r = 16


FastLanguageModel.get_peft_model(None, r=C.r)
