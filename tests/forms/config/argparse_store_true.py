# expect: default False
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true")
FastLanguageModel.get_peft_model(None, r=parser.parse_args().big)
