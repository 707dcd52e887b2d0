# expect: default 64
import click
from unsloth import FastLanguageModel


@click.command()
@click.option("--rank", "-r", "lora_r", default=64)
def main(lora_r):
    FastLanguageModel.get_peft_model(None, r=lora_r)


main()
