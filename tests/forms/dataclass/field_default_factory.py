# expect: known 2
from dataclasses import dataclass, field
from unsloth import FastLanguageModel


@dataclass
class C:
    modules: list = field(default_factory=lambda: ["q", "v"])


FastLanguageModel.get_peft_model(None, r=len(C().modules))
