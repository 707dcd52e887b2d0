# expect: default 64
import typer
from unsloth import FastLanguageModel

app = typer.Typer()


@app.command()
def main(r: int = typer.Option(64, "--rank", "-r")):
    FastLanguageModel.get_peft_model(None, r=r)


if __name__ == "__main__":
    app()
