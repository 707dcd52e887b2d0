# expect: known 16
import argparse
import sys
from unsloth import FastLanguageModel

r = 16
parser = argparse.ArgumentParser()
parser.add_argument("--quit", action="store_true")
if parser.parse_args().quit:
    r = 64
    sys.exit(0)
FastLanguageModel.get_peft_model(None, r=r)
