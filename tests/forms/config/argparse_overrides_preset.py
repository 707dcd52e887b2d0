# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel

preset = {"r": 16}
parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=None)
args = parser.parse_args()
if args.r is not None:
    preset["r"] = args.r
FastLanguageModel.get_peft_model(None, r=preset["r"])
