# expect: default 4 or unknown
import argparse
from unsloth import FastLanguageModel

xs = []
parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
for _ in range(parser.parse_args().n):
    xs.append(1)
FastLanguageModel.get_peft_model(None, r=len(xs))
