# expect: default 64
import click
from unsloth import FastLanguageModel


@click.group()
def cli():
    pass


@cli.command()
@click.option("--r", default=64)
def train(r):
    FastLanguageModel.get_peft_model(None, r=r)


cli()
