# expect: default 64 or default 64; known 16
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--r", default=64)
def main(r):
    FastLanguageModel.get_peft_model(None, r=r)


main()
