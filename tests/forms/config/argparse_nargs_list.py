# expect: default 2
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--modules", nargs="+", default=["q", "v"])
FastLanguageModel.get_peft_model(None, r=len(parser.parse_args().modules))
