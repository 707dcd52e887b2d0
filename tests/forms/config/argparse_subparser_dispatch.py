# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel


def train(args):
    FastLanguageModel.get_peft_model(None, r=args.r)


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(required=True)
sub = commands.add_parser("train")
sub.add_argument("--r", type=int, default=64)
sub.set_defaults(func=train)
args = parser.parse_args()
args.func(args)
