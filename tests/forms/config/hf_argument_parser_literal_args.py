# expect: known 64 or default 64 or unknown
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int = 16


(args,) = HfArgumentParser(ScriptArguments).parse_args_into_dataclasses(["--r", "64"])
FastLanguageModel.get_peft_model(None, r=args.r)
