# expect: default 64
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--lora-r", type=int, default="64", show_default=True)
@click.option("--alpha", type=int, default=16)
def main(lora_r, alpha):
    FastLanguageModel.get_peft_model(None, r=lora_r)


main()
