# expect: known 16
from dataclasses import dataclass, replace
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 16


old = C()
replace(old, r=64)
FastLanguageModel.get_peft_model(None, r=old.r)
