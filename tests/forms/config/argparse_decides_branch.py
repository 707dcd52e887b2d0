# expect: default 16 or either 16 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true")
args = parser.parse_args()
r = 16
if args.big:
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
