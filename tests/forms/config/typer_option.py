# expect: default 64
import typer
from unsloth import FastLanguageModel


def main(r: int = typer.Option(64, help="rank")):
    FastLanguageModel.get_peft_model(None, r=r)


if __name__ == "__main__":
    typer.run(main)
