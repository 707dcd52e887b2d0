# expect: default 64
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--r", default=64)
def main(**kwargs):
    FastLanguageModel.get_peft_model(None, r=kwargs["r"])


main()
