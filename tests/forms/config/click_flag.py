# expect: default False
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--big", is_flag=True)
def main(big):
    FastLanguageModel.get_peft_model(None, r=big)


main()
