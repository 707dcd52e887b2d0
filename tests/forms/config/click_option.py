# expect: default 64
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--r", default=64, help="rank")
def main(r):
    FastLanguageModel.get_peft_model(None, r=r)


if __name__ == "__main__":
    main()
