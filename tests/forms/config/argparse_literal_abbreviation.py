# expect: known 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--rank", type=int, default=16)
FastLanguageModel.get_peft_model(None, r=parser.parse_args(["--ra", "64"]).rank)
