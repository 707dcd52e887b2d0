# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int = 16


(args,) = HfArgumentParser(ScriptArguments).parse_yaml_file("config.yaml")
FastLanguageModel.get_peft_model(None, r=args.r)
