# expect: default 64 or either 16 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
args = parser.parse_args()


def rank():
    if args.n > 3:
        return 64
    return 16


FastLanguageModel.get_peft_model(None, r=rank())
