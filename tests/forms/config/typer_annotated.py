# expect: default 64
from typing import Annotated
from unsloth import FastLanguageModel

import typer

app = typer.Typer()


@app.command()
def main(r: Annotated[int, typer.Option(help="rank")] = 64):
    FastLanguageModel.get_peft_model(None, r=r)


app()
