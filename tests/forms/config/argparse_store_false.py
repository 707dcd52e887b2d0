# expect: default True
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--no-big", dest="big", action="store_false")
FastLanguageModel.get_peft_model(None, r=parser.parse_args().big)
