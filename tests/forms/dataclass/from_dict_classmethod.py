# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 16

    @classmethod
    def from_dict(cls, data):
        return cls(**{k: v for k, v in data.items() if k in cls.__dataclass_fields__})


FastLanguageModel.get_peft_model(None, r=C.from_dict({"r": 64, "other": 1}).r)
