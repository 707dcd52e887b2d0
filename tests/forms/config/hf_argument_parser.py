# expect: default 64
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int = 64


parser = HfArgumentParser(ScriptArguments)
args = parser.parse_args_into_dataclasses()[0]
FastLanguageModel.get_peft_model(None, r=args.r)
