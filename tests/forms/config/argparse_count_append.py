# expect: default 0
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("-v", action="count", default=0)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().v)
