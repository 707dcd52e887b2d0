# expect: known 1
from dataclasses import dataclass, field
from unsloth import FastLanguageModel


@dataclass
class C:
    items: list = field(default_factory=list)


C().items.append(1)
c = C()
c.items.append(2)
FastLanguageModel.get_peft_model(None, r=len(c.items))
