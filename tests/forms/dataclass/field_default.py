# expect: known 64
from dataclasses import dataclass, field
from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = field(default=64, metadata={"help": "rank"})


FastLanguageModel.get_peft_model(None, r=C().r)
