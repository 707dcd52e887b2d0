# expect: known 64
from dataclasses import asdict, dataclass

from unsloth import FastLanguageModel


@dataclass
class C:
    r: int = 64
    lora_alpha: int = 16


FastLanguageModel.get_peft_model(None, **asdict(C()))
