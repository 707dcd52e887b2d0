# expect: unknown
import typer
from unsloth import FastLanguageModel


def main(r: int = typer.Argument(...)):
    FastLanguageModel.get_peft_model(None, r=r)


typer.run(main)
