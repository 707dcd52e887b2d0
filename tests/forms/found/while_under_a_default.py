# expect: default 4 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
args = parser.parse_args()
n = 0
while n < args.n:
    n += 1
FastLanguageModel.get_peft_model(None, r=n)
