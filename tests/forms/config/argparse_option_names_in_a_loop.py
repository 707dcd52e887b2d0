# expect: default 64
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
for name, value in [("--alpha", 16), ("--r", 64)]:
    parser.add_argument(name, type=int, default=value)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
