# expect: default 64.0
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=64.0)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
