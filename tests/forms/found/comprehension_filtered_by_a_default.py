# expect: default 1 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
args = parser.parse_args()
FastLanguageModel.get_peft_model(None, r=len([x for x in (2, 8) if x > args.n]))
