# expect: known 64 or unknown
from dataclasses import astuple, dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 64


FastLanguageModel.get_peft_model(None, r=astuple(C())[0])
