# expect: default 64
from dataclasses import dataclass, field
from unsloth import FastLanguageModel

from transformers import HfArgumentParser, TrainingArguments


@dataclass
class LoraArguments:
    r: int = field(default=64, metadata={"help": "rank"})


@dataclass
class DataArguments:
    path: str = "data"


parser = HfArgumentParser((LoraArguments, DataArguments, TrainingArguments))
lora, data, training = parser.parse_args_into_dataclasses()
FastLanguageModel.get_peft_model(None, r=lora.r)
