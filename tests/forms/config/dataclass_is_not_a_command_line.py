# expect: known 64
from dataclasses import dataclass
from unsloth import FastLanguageModel

from transformers import HfArgumentParser


@dataclass
class ScriptArguments:
    r: int = 64


FastLanguageModel.get_peft_model(None, r=ScriptArguments().r)
