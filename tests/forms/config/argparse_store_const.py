# expect: default 16
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--big", dest="r", action="store_const", const=64, default=16)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
