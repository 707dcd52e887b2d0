# expect: known 64 or unknown
from dataclasses import field, make_dataclass
from unsloth import FastLanguageModel

C = make_dataclass("C", [("r", int, field(default=64))])
FastLanguageModel.get_peft_model(None, r=C().r)
