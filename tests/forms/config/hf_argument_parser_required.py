# expect: unknown
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int


(args,) = HfArgumentParser(ScriptArguments).parse_args_into_dataclasses()
FastLanguageModel.get_peft_model(None, r=args.r)
