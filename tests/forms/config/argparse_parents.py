# expect: default 64
import argparse
from unsloth import FastLanguageModel

base = argparse.ArgumentParser(add_help=False)
base.add_argument("--r", type=int, default=64)
parser = argparse.ArgumentParser(parents=[base])
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
