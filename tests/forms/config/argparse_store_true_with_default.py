# expect: default True
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true", default=True)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().big)
