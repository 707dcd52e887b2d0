# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=16)
args = parser.parse_args(namespace=argparse.Namespace(r=64))
FastLanguageModel.get_peft_model(None, r=args.r)
