# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--key", default="no")
try:
    r = {"r": 64, "no-b": 64}[parser.parse_args().key]
except KeyError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
