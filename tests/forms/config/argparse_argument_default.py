# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser(argument_default=64)
parser.add_argument("--r", type=int)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
