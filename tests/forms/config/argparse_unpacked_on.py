# expect: default 64
import argparse
from unsloth import FastLanguageModel


def train(r, alpha=8):
    FastLanguageModel.get_peft_model(None, r=r)


parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=64)
args = parser.parse_args()
train(**vars(args))
