# expect: default 64 or unknown
import os
import sys
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int = 64


parser = HfArgumentParser(ScriptArguments)
if len(sys.argv) == 2 and sys.argv[1].endswith(".json"):
    (args,) = parser.parse_json_file(json_file=os.path.abspath(sys.argv[1]))
else:
    (args,) = parser.parse_args_into_dataclasses()
FastLanguageModel.get_peft_model(None, r=args.r)
