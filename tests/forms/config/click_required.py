# expect: unknown
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--r", type=int, required=True)
def main(r):
    FastLanguageModel.get_peft_model(None, r=r)


main()
