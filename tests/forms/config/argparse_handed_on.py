# expect: default 64
import argparse
from unsloth import FastLanguageModel


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--r", type=int, default=64)
    return parser.parse_args()


def train(args):
    FastLanguageModel.get_peft_model(None, r=args.r)


def main():
    args = parse()
    train(args)


if __name__ == "__main__":
    main()
