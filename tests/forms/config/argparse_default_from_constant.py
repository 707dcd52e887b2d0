# expect: default 64
import argparse
from unsloth import FastLanguageModel

DEFAULTS = {"r": 64}
parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=DEFAULTS["r"])
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
