# expect: known 64
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=16)
args = parser.parse_args()
args.r = 64
FastLanguageModel.get_peft_model(None, r=args.r)
