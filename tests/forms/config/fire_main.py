# expect: default 64
import fire
from unsloth import FastLanguageModel


def main(r: int = 64):
    FastLanguageModel.get_peft_model(None, r=r)


if __name__ == "__main__":
    fire.Fire(main)
