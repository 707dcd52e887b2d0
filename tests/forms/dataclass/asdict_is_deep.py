# expect: known 16
from dataclasses import asdict, dataclass, field
from unsloth import FastLanguageModel


@dataclass
class C:
    lora: dict = field(default_factory=lambda: {"r": 16})


c = C()
asdict(c)["lora"]["r"] = 64
FastLanguageModel.get_peft_model(None, r=c.lora["r"])
