# expect: unknown
import click
from unsloth import FastLanguageModel


@click.command()
@click.argument("r", type=int)
def main(r):
    FastLanguageModel.get_peft_model(None, r=r)


main()
