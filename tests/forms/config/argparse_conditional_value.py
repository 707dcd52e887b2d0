# expect: default 16 or either 16 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true")
FastLanguageModel.get_peft_model(None, r=64 if parser.parse_args().big else 16)
