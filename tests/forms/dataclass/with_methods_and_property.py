# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    base: int = 16

    @property
    def r(self):
        return self.base * 4


FastLanguageModel.get_peft_model(None, r=C().r)
