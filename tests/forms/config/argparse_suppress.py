# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=argparse.SUPPRESS)
FastLanguageModel.get_peft_model(None, r=getattr(parser.parse_args(), "r", 64))
