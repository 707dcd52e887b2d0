# expect: default 64 or unknown
from dataclasses import dataclass
from unsloth import FastLanguageModel

import tyro


@dataclass
class Args:
    r: int = 64


args = tyro.cli(Args)
FastLanguageModel.get_peft_model(None, r=args.r)
