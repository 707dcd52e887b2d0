# expect: default 64
import typer
from unsloth import FastLanguageModel


def main(r: int = 64):
    FastLanguageModel.get_peft_model(None, r=r)


typer.run(main)
