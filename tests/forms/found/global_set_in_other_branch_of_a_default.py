# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true")
if parser.parse_args().big:
    r = 64
try:
    r
except NameError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
