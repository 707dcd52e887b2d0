# expect: default 64 or unknown
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int = 16

    def __post_init__(self):
        self.r *= 4


(args,) = HfArgumentParser(ScriptArguments).parse_args_into_dataclasses()
FastLanguageModel.get_peft_model(None, r=args.r)
