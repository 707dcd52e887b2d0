# expect: default 64
from dataclasses import dataclass
from unsloth import FastLanguageModel

from trl import ModelConfig, SFTConfig, TrlParser


@dataclass
class ScriptArguments:
    r: int = 64


parser = TrlParser((ScriptArguments, SFTConfig))
script, training = parser.parse_args_and_config()
FastLanguageModel.get_peft_model(None, r=script.r)
