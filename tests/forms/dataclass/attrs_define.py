# expect: known 64 or unknown
import attr
from unsloth import FastLanguageModel


@attr.s(auto_attribs=True)
class C:
    r: int = 64


FastLanguageModel.get_peft_model(None, r=C().r)
