# expect: known 64
from dataclasses import asdict, dataclass, field
from unsloth import FastLanguageModel


@dataclass
class Lora:
    r: int = 64


@dataclass
class C:
    lora: Lora = field(default_factory=Lora)


FastLanguageModel.get_peft_model(None, r=asdict(C())["lora"]["r"])
