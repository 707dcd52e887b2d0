# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.set_defaults(r=64)
parser.add_argument("--r", type=int, default=16)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
