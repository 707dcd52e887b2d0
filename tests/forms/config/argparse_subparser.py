# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command", required=True)
train = commands.add_parser("train")
train.add_argument("--r", type=int, default=64)
args = parser.parse_args()
FastLanguageModel.get_peft_model(None, r=args.r)
