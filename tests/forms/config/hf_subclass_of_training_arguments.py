# expect: default 64
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser, TrainingArguments


@dataclass
class Arguments(TrainingArguments):
    r: int = 64


(args,) = HfArgumentParser(Arguments).parse_args_into_dataclasses()
FastLanguageModel.get_peft_model(None, r=args.r)
