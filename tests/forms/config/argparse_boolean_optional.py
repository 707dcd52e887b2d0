# expect: default True
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", action=argparse.BooleanOptionalAction, default=True)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().big)
